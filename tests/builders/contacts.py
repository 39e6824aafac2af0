"""What a shop tells of a person, in the box of an event; and the task that opens it."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from services.members.profile import store
from services.members.profile.keeping import Keeper
from services.members.profile.rules.merging import merge
from services.members.profile.vault import Vault
from shared.config import Config
from shared.days import Instant
from shared.db.transaction import transaction
from shared.events.envelope import Event
from shared.events.storefront.contact import Contact, pack, place
from shared.ids import uuid_of
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.flow.harness import Harness


def boxed(event: Event, keys: KeyRing, *, told_at: Instant | None = None, **told: str) -> Event:
    """The event with what its shop told of the buyer, for members alone."""
    contact = Contact(told_at=told_at or Instant.of(event.time), **told)
    box = keys.seal_contact(place(event.program, event.key), pack(contact))
    return replace(event, sealedcontact=box)


class Profiles:
    """A program's profiles, as the task keeps them."""

    def __init__(self, members: Harness, keys: KeyRing) -> None:
        self.members = members
        self.keys = keys
        self.around = Surroundings()
        config = Config(keys_dir_given=keys.folder)
        self.keeper = Keeper(Tasking(config, members.database, keys, self.around))
        self.vault = Vault(keys.folder)

    async def open_boxes(self) -> None:
        """Let the task open everything."""
        while await self.keeper.turn():
            pass

    async def of(self, buyer: str) -> dict[str, str]:
        """What is known of a customer; nothing where there is no key."""
        key = (self.members.program.id, uuid_of(buyer))
        async with transaction(self.members.database) as tx:
            rows = await store.load_profiles(tx, [key])
        profile = merge(self.vault.open(row) for row in rows)
        return {name: known.value for name, known in profile.items()}

    def boxes(self, became: str) -> float:
        """How many boxes became what."""
        text = self.around.metrics.render().decode()
        head = f'shuke_contact_boxes_total{{result="{became}"}} '
        return sum(
            float(line.removeprefix(head)) for line in text.splitlines() if line.startswith(head)
        )


def new_keys(folder: Path) -> KeyRing:
    """Keys of an installation of its own."""
    return KeyRing.create(folder / "keys")


def everything(row: Any) -> bytes:
    """All that a row holds, to look for what it must not hold."""
    return b" ".join(
        bytes(value) if isinstance(value, bytes) else str(value).encode() for value in row.values()
    )
