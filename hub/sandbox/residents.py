"""What the demo starts with: two people, some notes, and the hub registered at itself. Safe to run again."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from oauth2_provider.models import Application

from hub.environment import kept_secret
from hub.sandbox.models import Note
from integrations.flows.clients import redirect_uri
from integrations.flows.register import Registration, register
from integrations.models import ClientRegistration

SLUG = "sandbox"
CLIENT_NAME = "Integration Hub (itself)"
PERSON, OPERATOR = "demo", "admin"
NOTES = ("Water the plants", "Call Grace about the compiler", "Bernoulli numbers: check the loop")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    username: str
    password: str = field(repr=False)


def move_in(*, now: datetime) -> tuple[SignIn, SignIn]:
    """Make what is not there yet; the person's and the operator's sign-in."""
    person, operator = _sign_in(PERSON), _sign_in(OPERATOR)
    with transaction.atomic():
        owner = _user(person)
        _user(operator, is_staff=True, is_superuser=True)
        if not Note.objects.filter(owner=owner).exists():
            Note.objects.bulk_create(Note(owner=owner, text=text) for text in NOTES)
        _register(now=now)
    return person, operator


def _sign_in(username: str) -> SignIn:
    password = kept_secret(settings.VAR_DIRECTORY, f"{username}_password", lambda: secrets.token_urlsafe(9))
    return SignIn(username=username, password=password)


def _user(sign_in: SignIn, *, is_staff: bool = False, is_superuser: bool = False) -> User:
    found = User.objects.filter(username=sign_in.username).first()
    return found or User.objects.create_user(
        sign_in.username, password=sign_in.password, is_staff=is_staff, is_superuser=is_superuser
    )


def _register(*, now: datetime) -> None:
    """Make the hub a client of its own authorization server; anew when the address is another than last time."""
    variables = {"origin": settings.SITE_URL}
    row = ClientRegistration.objects.filter(slug=SLUG).first()
    application = Application.objects.filter(client_id=row.client_id).first() if row else None
    if row and application and row.variables == variables:
        return
    secret = secrets.token_urlsafe(48)
    application = application or Application(name=CLIENT_NAME)
    application.client_type = Application.CLIENT_CONFIDENTIAL
    application.authorization_grant_type = Application.GRANT_AUTHORIZATION_CODE
    application.client_secret = secret
    given = Registration(
        slug=SLUG,
        provider="sandbox",
        client_id=application.client_id,
        client_secret=secret,
        variables=variables,
    )
    application.redirect_uris = redirect_uri(register(given, now=now, actor="demo"))
    application.save()
