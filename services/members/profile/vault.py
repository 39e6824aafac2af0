"""Profiles sealed under the key of their subject, and keys wrapped for their place.

Every block is bound to table, column, subject and key: moved to another row it does not open.
"""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.members.profile.model import Kept, Known, Profile
from shared.boxes import Opener
from shared.days import Instant
from shared.events.storefront.contact import Contact, place, unpack
from shared.key_files import KEY_BYTES
from shared.wrapping import Wrapper

_NONCE_BYTES: Final = 12
_READ: Final = msgspec.msgpack.Decoder(dict[str, Known])


def _plain(value: object) -> object:
    """An instant of an event, which is a datetime that remembers its text."""
    if isinstance(value, Instant):
        return datetime.combine(value.date(), value.timetz())
    raise NotImplementedError(type(value).__name__)


_WRITE: Final = msgspec.msgpack.Encoder(enc_hook=_plain)


class Vault:
    """Opens boxes, seals and opens profiles; knows the keys, and keeps none of a subject."""

    def __init__(self, folder: Path) -> None:
        self._wrapper = Wrapper(folder)
        self._opener = Opener(folder)

    @property
    def kek(self) -> int:
        """Number of the key-encryption key that is in use."""
        return self._wrapper.newest

    def unbox(self, program: str, customer: str, box: str) -> Contact:
        """What a shop told. Raises shared.boxes.Locked, or ValueError."""
        return unpack(self._opener.open(place(program, customer), box))

    def new_key(self, program_id: int, subject: UUID, key_id: UUID) -> tuple[int, bytes]:
        """A new key of a subject, wrapped, and what it is wrapped with."""
        return self._wrapper.wrap(
            _of_key(program_id, subject, key_id), secrets.token_bytes(KEY_BYTES)
        )

    def wrapped_anew(self, row: Kept) -> tuple[int, bytes]:
        """The same key of a subject under the newest key-encryption key."""
        return self._wrapper.wrap(
            _of_key(row.program_id, row.customer_id, row.key_id), self._key(row)
        )

    def seal(self, row: Kept, profile: Profile) -> bytes:
        """A profile under its subject's key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = _WRITE.encode(profile)
        return nonce + AESGCM(self._key(row)).encrypt(nonce, plain, _of_contact(row))

    def open(self, row: Kept) -> Profile:
        """The profile of a row. Raises ValueError where key and block are not this row's."""
        if row.sealed is None:
            return {}
        nonce, block = row.sealed[:_NONCE_BYTES], row.sealed[_NONCE_BYTES:]
        try:
            return _READ.decode(AESGCM(self._key(row)).decrypt(nonce, block, _of_contact(row)))
        except InvalidTag as error:
            raise ValueError("the profile does not open: another place, or changed") from error

    def seal_file(self, row: Kept, name: UUID, content: bytes) -> bytes:
        """A file under its subject's key; it opens under its name alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key(row)).encrypt(nonce, content, _of_file(row, name))

    def open_file(self, row: Kept, name: UUID, sealed: bytes) -> bytes:
        """The content of a file. Raises ValueError where key and block are not this file's."""
        nonce, block = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._key(row)).decrypt(nonce, block, _of_file(row, name))
        except InvalidTag as error:
            raise ValueError("the file does not open: another place, or changed") from error

    def _key(self, row: Kept) -> bytes:
        context = _of_key(row.program_id, row.customer_id, row.key_id)
        return self._wrapper.unwrap(row.kek, context, row.wrapped)


def _of_key(program_id: int, subject: UUID, key_id: UUID) -> str:
    return f"subject_key|wrapped|{program_id}/{subject}|{key_id}"


def _of_contact(row: Kept) -> bytes:
    return f"contact|sealed|{row.program_id}/{row.customer_id}|{row.key_id}".encode()


def _of_file(row: Kept, name: UUID) -> bytes:
    return f"access_file|sealed|{row.program_id}/{row.customer_id}|{row.key_id}|{name}".encode()
