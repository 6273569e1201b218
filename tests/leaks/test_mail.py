"""What leaves by mail, and what waits to leave: no secret."""

from collections.abc import Iterator

import pytest
from django.core import mail
from pytest_django import Settings

from integrations.models import Connection, Notice
from tests.canaries import every_row, leaks
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.leaks.passing import secrets_of
from tests.mail.posting import sent
from tests.web.person import new_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the views."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.mark.requirement(98, 101)
def test_no_mail_holds_a_secret(provider_server: FakeAuthorizationServer, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"
    register_sandbox(provider_server)
    person = new_person("robin", server=provider_server)
    connection = person.connect("notes.read")
    provider_server.misbehave("api", Behaviour.INVALID_TOKEN)
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_grant")
    person.post(person.page(connection, "try"), feature="notes.read")

    waiting = "\n".join(every_row())
    assert set(Notice.objects.values_list("kind", flat=True)) == {"connected", "needs_you"}
    assert Connection.objects.get().status == Connection.Status.NEEDS_REAUTHORIZATION
    assert sent().sent == 2

    secrets = secrets_of(provider_server)
    written = b"\n".join(message.message().as_bytes() for message in mail.outbox)
    assert len(secrets) > 3
    assert leaks(written, secrets) == []
    assert leaks(waiting, secrets) == []
    assert b"state=" not in written and b"code=" not in written
