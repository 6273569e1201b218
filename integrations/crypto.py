"""Seal and open short secrets with AES-256-GCM under a ring of named keys.

A sealed value is ``0x01 | len(key_id) | key_id | nonce(12) | ciphertext+tag``. The header is part of the
associated data, so a value cannot be moved to another key or format. Nonces are random: one key is good for about
2**32 seals (NIST SP 800-38D §8.3), after which a new primary key is due.

A key of the ring is written ``id:base64``, or ``id:service:base64`` where a key service keeps it: the base64 is then
the key as that service wrapped it, and only the service can unwrap it.

    SealError
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_ID_RULE = "an identifier of at most 32 letters"


class SealError(Exception):
    """A value could not be opened, or the key ring is wrong. There is never a fallback value.

    ``code`` is one of ``key_malformed``, ``key_missing``, ``key_unknown``, ``key_wrong`` (not the key this database
    knows under its id), ``key_service_refused``, ``key_service_unavailable``, ``value_missing``, ``value_malformed``,
    ``value_forged``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class KeyService(Protocol):
    """Keeps keys that wrap ours. Both methods raise SealError where the service refuses or cannot be reached."""

    name: str

    def wrapped_key(self, key_id: str) -> bytes:
        """A fresh 256-bit key that nobody has seen, wrapped and bound to this id."""

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The key that was wrapped under this id."""


type KeyServices = Mapping[str, KeyService]


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedKey:
    """One key as it is written in the settings; `service` is empty where its bytes are there in the open."""

    key_id: str
    service: str
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Named AES-256 keys; the first seals, all open."""

    primary: str
    _ciphers: dict[str, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, services: KeyServices | None = None) -> "Keyring":
        """Read ``id:base64key,id:service:base64key``; the first key is the primary. Asks a service for each it wrapped.

        Raises:
            SealError: no key, a malformed or repeated one, or one that its service does not unwrap. The message names
                the key's id, never its value.
        """
        keys = read_keys(text)
        return cls(keys[0].key_id, {key.key_id: AESGCM(_unwrapped(key, services or {})) for key in keys})

    def without(self, *key_ids: str) -> "Keyring":
        """The ring when keys other than the primary have left it."""
        left = {key_id: cipher for key_id, cipher in self._ciphers.items() if key_id not in key_ids}
        return Keyring(self.primary, left)

    def only(self, key_id: str) -> "Keyring":
        """The ring of one of its keys."""
        return Keyring(key_id, {key_id: self._ciphers[key_id]})

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


def read_keys(text: str) -> tuple[NamedKey, ...]:
    """The keys that are written in a text, the primary first; asks nobody.

    Raises:
        SealError: no key, a malformed or repeated one.
    """
    keys = tuple(_read_key(part.strip()) for part in text.split(",") if part.strip())
    if not keys:
        raise SealError("key_missing", "no sealing key is configured")
    ids = [key.key_id for key in keys]
    for key_id in ids:
        if ids.count(key_id) > 1:
            raise SealError("key_malformed", f"key id {key_id!r} is used twice")
    return keys


def new_key(key_id: str, *, service: KeyService | None = None) -> str:
    """Make a fresh key for the settings: ``id:base64key``, or ``id:service:base64`` where a service wraps it.

    Raises:
        SealError: the id is none, or the service gives no key.
    """
    if not _is_key_id(key_id):
        raise SealError("key_malformed", f"{key_id!r} is not an id: {KEY_ID_RULE}")
    if service is not None:
        return f"{key_id}:{service.name}:{base64.b64encode(service.wrapped_key(key_id)).decode()}"
    return f"{key_id}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


@lru_cache(maxsize=32)
def _header(key_id: str) -> bytes:
    return bytes((FORMAT, len(key_id))) + key_id.encode("ascii")


def _is_key_id(text: str) -> bool:
    return text.isascii() and text.isidentifier() and len(text) <= 32


def _read_key(text: str) -> NamedKey:
    key_id, colon, rest = text.partition(":")
    if not colon or not _is_key_id(key_id):
        raise SealError("key_malformed", f"a sealing key is written id:base64, the id {KEY_ID_RULE}")
    service, _, encoded = rest.rpartition(":")
    try:
        material = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise SealError("key_malformed", f"key {key_id!r} is not base64") from None
    if not service and len(material) != KEY_BYTES:
        raise SealError("key_malformed", f"key {key_id!r} is {len(material)} bytes long, not {KEY_BYTES}")
    return NamedKey(key_id=key_id, service=service, material=material)


def _unwrapped(key: NamedKey, services: KeyServices) -> bytes:
    if not key.service:
        return key.material
    if key.service not in services:
        raise SealError(
            "key_malformed", f"key {key.key_id!r} names the key service {key.service!r}, which is not set up"
        )
    return services[key.service].unwrap(key.key_id, key.material)
