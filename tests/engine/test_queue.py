"""What lies in the queue is worth nothing to a thief, and a broker that is away stops nobody."""

import socket
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from bench.fleet import Redis
from hub import engine
from hub.celery import app
from integrations import tasks
from integrations.models import Connection, PendingRevocation
from tests.canaries import leaks
from tests.clock import Clock
from tests.engine.running import Connected
from tests.factories import (
    PASSWORD,
    make_connection,
    make_pending_revocation,
    make_registration,
    make_tokens,
    make_user,
)
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.sweeping import connect_many

pytestmark = pytest.mark.django_db(transaction=True)
CANARIES = [f"canary-{name}-0123456789" for name in ("access", "refresh", "secret")]


@pytest.fixture
def queue(redis_server: Redis) -> Iterator[Redis]:
    """A broker that no worker listens to."""
    with redis_server.client() as client, Connected(redis_server.url):
        client.flushall()
        yield redis_server
        client.flushall()


def dump(server: Redis) -> bytes:
    """Everything that is stored in a Redis."""
    with server.client() as client:
        kinds = {b"list": lambda key: client.lrange(key, 0, -1), b"set": client.smembers, b"hash": client.hgetall}
        return b"\n".join(
            key + repr(kinds.get(client.type(key), client.get)(key)).encode() for key in client.scan_iter("*")
        )


@pytest.mark.requirement(92, 98)
def test_the_queue_holds_no_secret(queue: Redis) -> None:
    access, refresh, secret = CANARIES
    tokens = make_tokens(access_token=access, refresh_token=refresh)
    row = make_connection(registration=make_registration(client_secret=secret), tokens=tokens, due_in=-60)
    make_pending_revocation(connection=row, tokens=tokens)

    for task in app.tasks.values():
        if task.name.startswith("integrations."):
            assert tasks.enqueue(task, *([row.pk] if task.name == tasks.refresh_connection.name else []))

    written = dump(queue)
    assert written.count(b"integrations.tasks.") >= 7
    assert leaks(written, CANARIES) == []


@pytest.fixture(params=["nobody listens", "nobody answers"])
def dead_broker(request: pytest.FixtureRequest) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "nobody answers":
            listener.listen()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_a_broker_that_is_away_takes_no_task_and_the_row_waits(dead_broker: str, settings: Settings) -> None:
    row = make_connection(due_in=-60)
    with Connected(dead_broker):
        assert tasks.enqueue(tasks.refresh_connection, row.pk) is False

    assert Connection.objects.due(now=timezone.now()).get() == row


def test_a_person_who_disconnects_does_not_notice_that_the_broker_is_away(
    dead_broker: str, settings: Settings, client: Client, provider_server: FakeAuthorizationServer
) -> None:
    person = make_user()
    (row,) = connect_many(
        register_sandbox(provider_server), provider_server, 1, clock=Clock(timezone.now()), owner=person
    )
    provider_server.misbehave("revoke", Behaviour.UNAVAILABLE, times=None)
    client.login(username=person.username, password=PASSWORD)
    settings.HUB_BROKER_URL = dead_broker

    with Connected(dead_broker):
        answer = client.post(reverse("integrations:disconnect", args=(row.uuid,)))

    assert answer.status_code == 303
    assert PendingRevocation.objects.get().connection == row


def test_what_beat_asks_for_exists_and_expires() -> None:
    schedule = engine.schedule(sweep_every_seconds=60)

    assert {entry["task"] for entry in schedule.values()} <= app.tasks.keys()
    assert all(app.tasks[entry["task"]].expires for entry in schedule.values())


def test_every_queue_that_is_used_is_listened_to() -> None:
    used = {app.amqp.router.route({}, name)["queue"].name for name in app.tasks if name.startswith("integrations.")}

    assert used == set(app.conf.task_queues)
