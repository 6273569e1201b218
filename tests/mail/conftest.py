"""A mail server is set up: Django's own in memory, or a real one on loopback."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from hub.environment import mailer
from tests.fakes.mail_server import MailServer, running_mail_server


@pytest.fixture(autouse=True)
def mail_is_sent(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    with running_mail_server() as server:
        settings.EMAIL_URL = server.url
        settings.MAILERS = {"default": mailer(server.url)}
        yield server
