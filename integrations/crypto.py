"""Seal and open short secrets with AES-256-GCM under a ring of named keys.

A sealed value is ``0x01 | len(key_id) | key_id | nonce(12) | ciphertext+tag``. The header is part of the
associated data, so a value cannot be moved to another key or format. Nonces are random: one key is good for about
2**32 seals (NIST SP 800-38D §8.3), after which a new primary key is due.

    SealError
"""

import base64
import binascii
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class SealError(Exception):
    """A value could not be opened, or the key ring is wrong. There is never a fallback value.

    ``code`` is one of ``key_malformed``, ``key_missing``, ``key_unknown``, ``value_malformed``, ``value_forged``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Keyring:
    """Named AES-256 keys; the first seals, all open."""

    primary: str
    _ciphers: dict[str, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read ``id:base64key,id:base64key``; the first key is the primary.

        Raises:
            SealError: no key, a malformed or repeated one. The message names the key's id, never its value.
        """
        return cls._of(_parse_key(part.strip()) for part in text.split(",") if part.strip())

    @classmethod
    def _of(cls, keys: Iterable[tuple[str, bytes]]) -> "Keyring":
        ciphers: dict[str, AESGCM] = {}
        for key_id, key in keys:
            if key_id in ciphers:
                raise SealError("key_malformed", f"key id {key_id!r} is used twice")
            ciphers[key_id] = AESGCM(key)
        if not ciphers:
            raise SealError("key_missing", "no sealing key is configured")
        return cls(next(iter(ciphers)), ciphers)

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(self._ciphers)

    def seal(self, plaintext: bytes, *, associated_data: bytes) -> bytes:
        """Seal under the primary key; the same plaintext never seals to the same bytes twice."""
        header = _header(self.primary)
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + self._ciphers[self.primary].encrypt(nonce, plaintext, header + associated_data)

    def open(self, sealed: bytes, *, associated_data: bytes) -> bytes:
        """Open a sealed value that was bound to the same associated data.

        Raises:
            SealError: unknown key, malformed value, or a value that is not the one sealed for this place.
        """
        key_id = sealed_under(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealError("key_unknown", f"sealed under key {key_id!r}, which is not in the ring")
        header = _header(key_id)
        nonce = sealed[len(header) : len(header) + NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[len(header) + NONCE_BYTES :], header + associated_data)
        except InvalidTag:
            raise SealError("value_forged", "sealed value does not belong to this place") from None


def sealed_under(sealed: bytes) -> str:
    """The id of the key a value is sealed under.

    Raises:
        SealError: not a sealed value.
    """
    shortest = 2 + NONCE_BYTES + TAG_BYTES
    if len(sealed) < shortest or sealed[0] != FORMAT or len(sealed) < shortest + sealed[1]:
        raise SealError("value_malformed", "not a sealed value")
    try:
        return sealed[2 : 2 + sealed[1]].decode("ascii")
    except UnicodeDecodeError:
        raise SealError("value_malformed", "not a sealed value") from None


def new_key(key_id: str) -> str:
    """Make a fresh ``id:base64key`` for the settings."""
    return f"{key_id}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def _header(key_id: str) -> bytes:
    return bytes((FORMAT, len(key_id))) + key_id.encode("ascii")


def _parse_key(text: str) -> tuple[str, bytes]:
    key_id, colon, encoded = text.partition(":")
    if not colon or not key_id.isascii() or not key_id.isidentifier() or len(key_id) > 32:
        raise SealError(
            "key_malformed", "a sealing key is written id:base64, the id an identifier of at most 32 letters"
        )
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise SealError("key_malformed", f"key {key_id!r} is not base64") from None
    if len(key) != KEY_BYTES:
        raise SealError("key_malformed", f"key {key_id!r} is {len(key)} bytes long, not {KEY_BYTES}")
    return key_id, key
