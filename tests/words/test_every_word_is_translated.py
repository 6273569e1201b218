"""No page and no mail shows a word that is not translated: each is read in a language that has no ASCII letters."""

from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from hub.adapter import AccountAdapter
from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from integrations.web.errors import BY_CODE, explain
from tests.authorization_server.steps import authorization_request, make_application
from tests.factories import make_user
from tests.lending import make_allowance
from tests.words.pseudo import ascii_words, rude, untranslated
from tests.words.reading import ACCOUNT, NAME, german, words_of
from tests.words.walk import Address, addresses

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_wide_letters")]
TEMPLATES = Path(django_settings.BASE_DIR) / "templates"
ERROR_PAGES = sorted(path.name for path in TEMPLATES.glob("[45]*.html"))
MESSAGES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.glob("*/messages/*.txt"))
MAILS = sorted(
    str(path.relative_to(TEMPLATES)).removesuffix("_message.txt")
    for path in TEMPLATES.glob("*/email/*_message.txt")
    if not path.name.startswith("base_")
)


@pytest.mark.parametrize("address", addresses(), ids=str)
def test_on_every_page_and_after_every_empty_form(
    address: Address, reader: Client, person: User, connections: list[Connection]
) -> None:
    """With every connection where the address takes one; as a visitor, too; each form is sent as it comes, unfilled."""
    key = Authenticator.objects.filter(type="webauthn").first()
    values: dict[str, object] = {"slug": "sandbox", "pk": key and key.pk, "key": "none", "uidb36": "1"}
    values["client_id"] = "client-1"
    queries = {
        "oauth2_provider:authorize": authorization_request(),
        "integrations:consent": {"provider": "sandbox", "feature": "notes.write"},
    }
    make_application(name=ACCOUNT, user=person)
    make_allowance(connections[0], features=["profile"])
    found: list[str] = []
    for connection in connections if "uuid" in address.parameters else connections[:1]:
        try:
            path = address.path({**values, "uuid": connection.uuid})
        except KeyError as missing:
            pytest.fail(f"{address} takes {missing}, for which this test has no value")
        for client in (reader, german()):
            found += words_of(client.get(path, queries.get(address.name), follow=True))

    assert list(dict.fromkeys(found)) == []
    for client in (german(), reader):
        found += words_of(client.post(path, {}, follow=True))
    assert list(dict.fromkeys(found)) == []


@pytest.mark.parametrize("query", ["?status=disconnected", "?q=☂", "?status=active&page=2", "?provider=sandbox"])
def test_in_the_list(reader: Client, connections: list[Connection], query: str) -> None:
    assert words_of(reader.get(f"/connections/{query}")) == []


@pytest.mark.parametrize("query", ["", "?q=☂", "?category=demo"])
def test_in_the_catalogue_with_all_it_can_offer(reader: Client, person: User, query: str) -> None:
    type(person).objects.update(is_staff=True, is_superuser=True)
    assert words_of(reader.get(f"/connections/new/{query}")) == []


def test_where_nothing_is_there_yet() -> None:
    client = german()
    client.force_login(make_user(NAME))

    for path in ("/connections/", "/connections/new/", "/accounts/email/", "/accounts/2fa/", "/accounts/sessions/"):
        assert words_of(client.get(path)) == []


@pytest.mark.parametrize("page", ERROR_PAGES)
def test_on_pages_of_errors(page: str) -> None:
    assert untranslated(render_to_string(page)) == []


@pytest.mark.parametrize("code", [*BY_CODE, "server_error"])
@pytest.mark.parametrize("provider", ["№1", ""])
def test_in_the_explanation_of_an_error(code: str, provider: str) -> None:
    said = explain(OAuthError("", code=code), provider=provider)

    assert ascii_words(" ".join((said.title, said.happened, said.todo))) == []


@pytest.mark.parametrize("template", MESSAGES)
def test_in_messages(template: str) -> None:
    assert ascii_words(render_to_string(template, {"user": NAME, "email": "ω@example.test"})) == []


@pytest.mark.parametrize("prefix", MAILS)
def test_in_mail(prefix: str, person: User) -> None:
    link = "https://hub.example/"
    context = {
        "user": person,
        "username": NAME,
        "email": "ω@example.test",
        "from_email": "ω@example.test",
        "to_email": "ψ@example.test",
        "deleted_email": "ψ@example.test",
        "activate_url": link,
        "password_reset_url": link,
        "signup_url": link,
        "site_url": link,
        "open_sign_up": True,
        "ip": "192.0.2.1",
        "timestamp": timezone.now(),
        "user_agent": "☂",
    }

    mail = AccountAdapter().render_mail(prefix, person.email, context)

    assert ascii_words(f"{mail.subject}\n{mail.body}") == []
    assert untranslated(str(mail.alternatives[0][0])) == []


def test_a_word_that_is_not_translated_is_found() -> None:
    page = '<p title="Close"><bdi>Alice</bdi> Ｕｍｂｅｎｅｎｎｅｎ <code>x_y</code> at Sandbox, https://a.example</p>'

    assert untranslated(page) == ["Close in 'Close'", "at in 'at Sandbox, https://a.example'"]
    assert rude("<p>Ｄｅｉｎ Passwort, Duden, Ihr Konto") == ["Dein"]
