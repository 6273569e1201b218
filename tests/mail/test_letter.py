"""What a letter says: text and HTML, to be trusted, in the language of who reads it."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import Settings

from integrations.flows import webhook_queue, webhooks
from integrations.models import Connection, Preferences, WebhookEndpoint
from tests.factories import about, make_registration, make_user
from tests.lending import make_webhook_endpoint
from tests.mail.posting import added, broken, sent

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.SITE_URL = "https://hub.example.com"


def newest() -> tuple[EmailMultiAlternatives, str, str]:
    """The newest mail, its text and its HTML."""
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return message, str(message.body), str(html)


def test_what_needs_a_person_is_listed_with_why_and_where() -> None:
    owner = make_user("ada")
    one = broken(owner, account_label="ada@example.test")
    other = broken(owner, name="Backup", last_error_code="value_forged")
    sent()

    message, text, html = newest()
    assert message.to == ["ada@example.test"]
    assert message.subject == "2 connections need you"
    for words in (
        "2 of your connections need you.",
        "Sandbox: ada@example.test\nNeeds you: access was withdrawn at Sandbox",
        "Sandbox: Backup\nNeeds you: the stored access can no longer be read",
        f"\n\nhttps://hub.example.com/connections/{about(one).uuid}/\n\n",
        f"\n\nhttps://hub.example.com/connections/{about(other).uuid}/\n\n",
        "\n\nhttps://hub.example.com/settings/notifications/\n\n",
    ):
        assert words in text
        assert all(line in html for line in words.strip().split("\n"))
    assert html.count("<a ") == 3
    assert "\n\n\n" not in text


def test_one_connection_is_named_in_the_subject() -> None:
    broken()
    sent()

    message, text, _ = newest()
    assert message.subject == "Reconnect Sandbox"
    assert "One of your connections needs you." in text


def test_what_was_added_is_told_with_when_from_where_and_what_to_do() -> None:
    notice = added(make_user("ada"), account_label="ada@example.test", user_agent=FIREFOX)
    sent()

    message, text, html = newest()
    assert message.subject == "A connection to Sandbox was added to your account"
    for words in (
        "A connection to Sandbox was added to your account ada.",
        "Account at Sandbox: ada@example.test",
        f"When: {date_format(notice.created_at, 'DATETIME_FORMAT')} UTC",
        "From: Firefox on Linux, address 203.0.113.9",
        f"https://hub.example.com/connections/{about(notice).uuid}/",
        "If it was not you, disconnect it there.",
        "https://hub.example.com/accounts/password/change/",
        "https://hub.example.com/settings/notifications/",
    ):
        assert words in text and words in html
    assert html.count("<a ") == 3


def test_where_from_is_left_out_when_nobody_knows() -> None:
    added(ip="")
    sent()

    assert "From:" not in newest()[1]


@pytest.mark.requirement(47, 132)
def test_an_accounts_name_stays_text_on_its_line() -> None:
    owner = make_user("o'brien")
    tricky = "<script>x</script>\r\n\r\nhttps://evil.example/\n\nBcc: eve@example.test\u202e\x07"
    broken(owner, account_label=tricky)
    sent()
    added(owner, account_label=tricky, user_agent="<script>")
    sent()

    for message in mail.outbox:
        assert isinstance(message, EmailMultiAlternatives)
        html = str(message.alternatives[0][0])
        assert "<script>x</script> https://evil.example/ Bcc: eve@example.test" in message.body
        assert "&lt;script&gt;x" in html and "<script>" not in html
        assert 'href="https://evil' not in html
        assert "&#x27;" not in message.body and "\u202e" not in message.body + html
        assert message.recipients() == ["o'brien@example.test"]
        assert "Bcc" not in message.message()


@pytest.mark.requirement(47)
def test_a_subject_is_one_line_whatever_the_provider_is_called() -> None:
    broken(registration=make_registration(provider="gone\r\nBcc: eve@example.test", variables={}))
    sent()

    message, _, _ = newest()
    assert message.subject == "Reconnect gone Bcc: eve@example.test"
    assert message.message()["Bcc"] is None


def test_headers_say_that_a_machine_wrote_it_and_where_to_have_less() -> None:
    broken()
    sent()

    headers = newest()[0].message()
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Unsubscribe"] == "<https://hub.example.com/settings/notifications/>"
    assert headers["Content-Language"] == "en-gb"
    assert str(headers["Message-ID"]).endswith("@hub.example.com>")


def test_a_letter_is_in_the_language_of_who_reads_it() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    Preferences.objects.create(user=ada, language="de")
    Preferences.objects.create(user=bob, language="xx")
    added(ada)
    added(bob)
    sent()

    german, english = (
        next(message for message in mail.outbox if message.to == [f"{name}@example.test"]) for name in ("ada", "bob")
    )
    assert german.message()["Content-Language"] == "de"
    assert english.message()["Content-Language"] == "en-gb"
    assert isinstance(german, EmailMultiAlternatives)
    assert '<html lang="de">' in str(german.alternatives[0][0])
    assert german.subject == "Eine Verbindung zu Sandbox wurde Ihrem Konto hinzugefügt"
    assert "Konto bei Sandbox: " in german.body
    assert "added" not in german.body and "connection" not in re.sub(r"https://\S+", "", str(german.body))


def test_a_long_list_ends_in_a_link() -> None:
    owner = make_user()
    for _ in range(103):
        broken(owner)
    sent()

    message, text, html = newest()
    assert message.subject == "103 connections need you"
    assert text.count("/connections/") == 101
    assert "And 3 more." in text
    assert 'href="https://hub.example.com/connections/?status=needs_you"' in html


def test_a_name_of_ones_own_is_used_and_a_connection_is_listed_once() -> None:
    notice = broken(name="Work")
    Connection.objects.filter(pk=about(notice).pk).update(account_label="x")
    notice.pk = None
    notice.save(force_insert=True)
    report = sent(timedelta(seconds=1))

    assert report.sent == 1
    assert newest()[1].count("Sandbox: Work") == 1


def test_a_webhook_that_was_switched_off_is_told_to_its_owner_alone() -> None:
    owner = make_user("ada")
    endpoint = make_webhook_endpoint(
        owner=owner, url="https://hook.example.test/path?key=canary-0123456789", now=timezone.now()
    )
    webhook_queue.disable(endpoint, WebhookEndpoint.Why.FAILING, now=timezone.now())
    sent()

    message, text, html = newest()
    assert message.to == ["ada@example.test"]
    assert message.subject == "A webhook to hook.example.test was switched off"
    for words in (
        "The hub sends no more messages to hook.example.test.",
        "Why: It failed for five days.",
        f"\n\nhttps://hub.example.com/webhooks/{endpoint.uuid}/",
    ):
        assert words in text
    assert "canary" not in text + html


def test_a_webhook_that_is_on_again_before_the_mail_leaves_is_not_told() -> None:
    endpoint = make_webhook_endpoint()
    webhook_queue.disable(endpoint, WebhookEndpoint.Why.GONE, now=timezone.now())
    webhooks.enable(endpoint, now=timezone.now(), actor="them")

    assert sent().sent == 0
