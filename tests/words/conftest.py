"""Somebody who has something of everything, in a language that has no ASCII letters."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation
from pytest_django import Settings

from integrations.models import Connection, Event
from tests.factories import PASSWORD, make_connection, make_event, make_registration, make_tokens, make_use, make_user
from tests.words.pseudo import write_pseudo_locale
from tests.words.reading import ACCOUNT, NAME, german


@pytest.fixture(scope="session")
def wide_locale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locale")
    write_pseudo_locale(folder)
    return folder


@pytest.fixture
def in_wide_letters(wide_locale: Path, settings: Settings) -> Iterator[None]:
    settings.LOCALE_PATHS = [wide_locale]
    settings.HUB_OPEN_SIGN_UP = True
    settings.EMAIL_URL = "memory://"
    with translation.override("de"):
        yield


@pytest.fixture
def person() -> User:
    """Somebody who has something of everything."""
    user = make_user(NAME)
    EmailAddress.objects.create(user=user, email="ω@example.test", verified=True, primary=True)
    EmailAddress.objects.create(user=user, email="ψ@example.test")
    TOTP.activate(user, generate_totp_secret())
    Authenticator.objects.create(user=user, type="recovery_codes", data={"seed": "a" * 80, "used_mask": 0})
    for passwordless in (True, False):
        data = {"name": ACCOUNT, "credential": {"clientExtensionResults": {"credProps": {"rk": passwordless}}}}
        Authenticator.objects.create(user=user, type="webauthn", data=data)
    return user


@pytest.fixture
def connections(person: User) -> list[Connection]:
    """One of every standing, the first with every kind of event."""
    sandbox = make_registration(slug="sandbox")
    off = make_registration(enabled=False, origin="http://127.0.0.1:8")
    broken = make_registration(origin="http://127.0.0.1:7")
    broken.last_error_code = "invalid_client"
    broken.save()
    gone = make_registration(provider="☂", variables={})
    now = timezone.now()
    once = {"tokens": make_tokens(refresh_token=None), "due_in": None}
    states: list[dict[str, Any]] = [
        {"last_used_at": now - timedelta(days=3), "scope": "profile notes:read"},
        {"status": "needs_reauthorization", "last_error_code": "invalid_grant"},
        {"status": "needs_reauthorization", "last_error_code": "rotation_uncertain"},
        {"access_expires_at": now + timedelta(days=3), **once},
        {"access_expires_at": now - timedelta(days=3), **once},
        {"failure_count": 3, "last_error_code": "rate_limited", "last_used_at": now},
        {"registration": off},
        {"registration": broken, "failure_count": 1},
        {"registration": gone, "status": "active"},
        {"status": "revoking"},
        {"status": "revoked"},
    ]
    made = [
        make_connection(
            **{"owner": person, "registration": sandbox, "account_label": ACCOUNT, "subject": f"№{n}", **state}
        )
        for n, state in enumerate(states)
    ]
    for kind in Event.Kind:
        make_event(connection=made[0], kind=kind, actor=person.username)
        make_event(connection=made[0], kind=kind, details={"code": "timeout", "reason": "☂"})
    for gained in (["notes:read"], ["notes:read", "notes:write", "profile", "☂"]):
        make_event(connection=made[0], kind=Event.Kind.SCOPE_CHANGED, details={"gained": gained, "lost": gained})
        make_event(connection=made[0], kind=Event.Kind.SCOPE_UNEXPECTED, details={"scope": gained})
    for code in ("unsupported_token_type", "connection_lost"):
        make_event(connection=made[0], kind=Event.Kind.REVOCATION_FAILED, details={"code": code})
    for days, actor in enumerate(("", NAME, ACCOUNT, "☂", "☃", "№")):
        make_use(connection=made[0], actor=actor, count=days + 1, now=now - timedelta(days=days))
    return made


@pytest.fixture
def reader(person: User) -> Client:
    """The person in front of a browser that asks for German, who has just said who it is."""
    client = german()
    client.force_login(person)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client
