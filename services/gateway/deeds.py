"""What is done at the gateway, as the audit has it: names of fields, a keyed hash of values."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.audit.deeds import Actor, Deed, record
from shared.db.transaction import Tx
from shared.sealing import KeyRing

PURPOSE: Final = "audit"


class Deeds:
    """Puts deeds on record, in the transaction that does them."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def add(
        self,
        tx: Tx,
        actor: Actor,
        action: str,
        target: str,
        program: str | None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """One deed; of its values their names are kept, and a hash that tells equal ones."""
        await record(tx, actor, self.of(action, target, program, values))

    def of(
        self, action: str, target: str, program: str | None, values: Mapping[str, Any] | None
    ) -> Deed:
        """A deed, as it is recorded."""
        if not values:
            return Deed(action, target, program)
        plain = msgspec.json.encode(values, order="deterministic")
        hashed = self._keys.fingerprint(PURPOSE, plain)
        return Deed(action, target, program, tuple(sorted(values)), hashed)
