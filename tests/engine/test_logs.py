"""What a worker logs: which task it was, and no secret."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from celery import Task
from django.utils import timezone

from hub.logging import configuration, formatter
from integrations import tasks
from tests.canaries import leaks
from tests.clock import Clock
from tests.engine.running import Engine
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.sweeping import connect_many
from tests.leaks.passing import secrets_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the hub writes at INFO, as JSON."""
    settings = configuration(level="INFO", as_json=True)["formatters"]["hub"]
    handler = logging.StreamHandler(StringIO())
    handler.setFormatter(formatter(**{name: value for name, value in settings.items() if name != "()"}))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler.stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.requirement(98)
@pytest.mark.parametrize("task", [tasks.sweep_slice, tasks.refresh_connection])
def test_every_line_of_a_task_names_it_and_none_tells_a_secret(
    engine: Engine, provider_server: FakeAuthorizationServer, written: StringIO, task: "Task[..., object]"
) -> None:
    (row,) = connect_many(register_sandbox(provider_server), provider_server, 1, clock=Clock(timezone.now()))
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_grant")

    engine.run(task, *([row.pk] if task is tasks.refresh_connection else []))

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    ours = [line for line in lines if line["logger"].startswith("integrations.")]
    assert [line["code"] for line in ours] == ["invalid_grant"]
    assert {line["task"] for line in ours} == {task.name}
    assert all(line["task_id"] for line in ours)
    assert any(task.name in line["event"] for line in lines if line["logger"].startswith("celery."))
    assert leaks(written.getvalue(), secrets_of(provider_server)) == []
