"""What the hub writes to people about their account: text and HTML, to be trusted, from one address."""

from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from hub.adapter import AccountAdapter
from hub.environment import mailer
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
TEMPLATES = Path(project.BASE_DIR) / "templates"
MAILS = sorted(
    str(path.relative_to(TEMPLATES)).removesuffix("_subject.txt") for path in TEMPLATES.glob("*/email/*_subject.txt")
)


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"


def newest() -> tuple[str, str]:
    """Text and HTML of the newest mail."""
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return str(message.body), str(html)


@pytest.mark.parametrize("prefix", MAILS)
def test_every_mail_is_complete_as_text_and_as_html(prefix: str) -> None:
    user = User(username="o'brien+<b>")
    link = "https://hub.example.com/x?a=b&c=d"
    context = {
        "user": user,
        "username": user.username,
        "email": "o'brien@example.test",
        "activate_url": link,
        "password_reset_url": link,
        "signup_url": link,
        "open_sign_up": True,
        "from_email": "o'brien@example.test",
        "to_email": "b@example.test",
        "deleted_email": "o'brien@example.test",
        "ip": "203.0.113.9",
        "user_agent": "<script>",
        "timestamp": timezone.now(),
        "site_url": "https://hub.example.com",
        "request": RequestFactory().get("/"),
    }

    message = AccountAdapter().render_mail(prefix, "o'brien@example.test", context)

    ((html, _),) = message.alternatives
    assert message.subject and "{" not in message.subject
    assert "https://hub.example.com" in message.body
    assert not {"{{", "{%", "&#x27;", "&amp;"} & set(message.body.split()) and "&#" not in message.body
    assert str(message.subject) in str(html)
    assert "<b>" not in str(html) and "<script>" not in str(html)
    assert str(html).count("<a ") == message.body.count(link)


def test_there_are_all_mails_that_allauth_sends_here() -> None:
    assert len(MAILS) == 16


def test_a_link_leads_to_the_site_whatever_host_was_claimed() -> None:
    make_user("ada")

    Client().post("/accounts/password/reset/", {"email": "ada@example.test"}, headers={"Host": "localhost:9999"})

    text, html = newest()
    assert f"\n{project.SITE_URL}/accounts/password/reset/key/" in text
    assert f'href="{project.SITE_URL}/accounts/password/reset/key/' in html
    assert "9999" not in text + html


@pytest.mark.parametrize("is_verified", [True, False])
def test_a_change_is_told_to_its_person_with_where_it_came_from(is_verified: bool) -> None:
    user = make_user("ada")
    if is_verified:
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"})
    client.force_login(user)

    words = {"oldpassword": PASSWORD, "password1": "staple correct horse", "password2": "staple correct horse"}
    client.post("/accounts/password/change/", words)

    text, html = newest()
    assert mail.outbox[-1].to == ["ada@example.test"]
    for said in ("Your password was changed.", "Firefox on Linux, address 127.0.0.1"):
        assert said in text and said in html


def test_somebody_without_an_address_is_written_nothing() -> None:
    user = make_user("ada")
    User.objects.update(email="")
    client = Client()
    client.force_login(user)
    words = {"oldpassword": PASSWORD, "password1": "staple correct horse", "password2": "staple correct horse"}

    response = client.post("/accounts/password/change/", words)

    assert response.status_code == 302
    assert mail.outbox == []


@pytest.mark.parametrize("is_open", [True, False])
def test_an_unknown_address_is_offered_an_account_only_where_there_are_some(settings: Settings, is_open: bool) -> None:
    settings.HUB_OPEN_SIGN_UP = is_open

    Client().post("/accounts/password/reset/", {"email": "nobody@example.test"})

    assert ("/accounts/signup/" in newest()[0]) is is_open


def test_a_change_outlives_a_mail_server_that_is_down(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.MAILERS = {"default": mailer("smtp://127.0.0.1:1")}
    user = make_user("ada")
    client = Client()
    client.force_login(user)
    words = {"oldpassword": PASSWORD, "password1": "staple correct horse", "password2": "staple correct horse"}

    response = client.post("/accounts/password/change/", words)

    user.refresh_from_db()
    assert response.status_code == 302
    assert user.check_password("staple correct horse")
    assert "mail not sent" in caplog.text
