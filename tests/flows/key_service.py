"""A key service of a test's own, which keeps the keys that the settings have."""

import base64
import secrets

import pytest
from pytest_django import Settings

from integrations import vault
from integrations.crypto import SealError

NAME = "kept"


class KeyServiceDouble:
    """Unwraps by turning bytes around; `is_down`: it does not answer."""

    name = NAME

    def __init__(self) -> None:
        self.is_down = False

    def wrapped_key(self, key_id: str) -> bytes:
        raise NotImplementedError

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        if self.is_down:
            raise SealError("key_service_unavailable", "It does not answer.")
        return wrapped[::-1]


def keep_keys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> KeyServiceDouble:
    """From now on the keys of the settings are wrapped, and this process has not unwrapped them yet."""
    service = KeyServiceDouble()
    # A name of its own: rings are remembered by how they are written.
    name = f"{NAME}{secrets.token_hex(4)}"
    monkeypatch.setitem(vault.SERVICES, name, service)
    settings.HUB_SEALING_KEYS = ",".join(
        f"{key.key_id}:{name}:{base64.b64encode(key.material[::-1]).decode()}"
        for key in vault.read_keys(settings.HUB_SEALING_KEYS)
    )
    return service
