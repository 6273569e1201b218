"""Mail that cannot be sent: nobody at a page learns of it, and the log tells an operator without a secret."""

import socket

import pytest
from django.test import Client
from pytest_django import Settings

from hub import environment
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_mail_server(settings: Settings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.MAILERS = {"default": environment.mailer(f"smtp://127.0.0.1:{unused.getsockname()[1]}")}


def test_asking_for_a_new_password_is_answered_alike(caplog: pytest.LogCaptureFixture) -> None:
    make_user("ada")
    browser = Client(raise_request_exception=False)

    answers = [
        browser.post("/accounts/password/reset/", {"email": email}) for email in ("ada@example.test", "nobody@x.test")
    ]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, "/accounts/password/reset/done/")
    ] * 2
    told = str([vars(record) for record in caplog.records if record.name == "hub.adapter"])
    assert told.count("account/email/") == 2
    assert "@" not in told
    assert "/accounts/" not in told


def test_a_person_who_adds_an_address_is_answered() -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(make_user("ada"))

    page = browser.post("/accounts/email/", {"email": "new@example.test", "action_add": ""}, follow=True)

    assert page.status_code == 200
