"""What a shop tells of a person: in a box beside the data of an event, for members alone."""

from typing import Final

import msgspec
from msgspec import Struct

from shared.days import Instant


class Contact(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A person as a shop told them at an instant; what it did not tell is absent."""

    told_at: Instant
    name: str | None = None
    phone: str | None = None
    """E.164."""
    email: str | None = None
    birthday: str | None = None
    """ISO date."""
    sex: str | None = None
    province: str | None = None
    city: str | None = None
    language: str | None = None


FIELDS: Final = tuple(name for name in Contact.__struct_fields__ if name != "told_at")


def place(program: str, customer: str) -> str:
    """What a box is bound to: it opens for this customer of this program alone. Text ids."""
    return f"{program}|{customer}"


def pack(contact: Contact) -> bytes:
    """The content of a box."""
    return _PACK.encode(contact)


def unpack(content: bytes) -> Contact:
    """What a box held. Raises ValueError for what is no contact."""
    return _UNPACK.decode(content)


def _plain(value: object) -> object:
    if isinstance(value, Instant):
        return value.text
    raise NotImplementedError(type(value).__name__)


def _read(kind: type, value: object) -> object:
    if kind is Instant and isinstance(value, str):
        return Instant.parse(value)
    raise NotImplementedError(kind.__name__)


_PACK: Final = msgspec.json.Encoder(enc_hook=_plain)
_UNPACK: Final = msgspec.json.Decoder(Contact, dec_hook=_read)
