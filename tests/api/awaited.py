"""A request whose body comes late, and what can happen meanwhile."""

import io
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.flows import disconnect
from integrations.models import Allowance, Connection


class AwaitedBody(io.BytesIO):
    """Comes after something happened, and a second is over."""

    def __init__(self, content: bytes, happens: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(content)
        self._happens, self._monkeypatch = happens, monkeypatch
        self.is_read = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.is_read:
            self.is_read = True
            self._happens()
            clock = time.monotonic
            self._monkeypatch.setattr(time, "monotonic", lambda: clock() + 1)
        return super().read(size)


def _no_rule(connection: Connection) -> object:
    return Allowance.objects.all().delete()


def _disconnected(connection: Connection) -> object:
    return disconnect.wipe(connection, actor="somebody", now=timezone.now())


def _owner_left(connection: Connection) -> object:
    assert connection.owner_id
    return User.objects.filter(pk=connection.owner_id).update(is_active=False)


TAKEN_BACK: Any = [_no_rule, _disconnected, _owner_left]
