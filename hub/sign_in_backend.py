"""Check a password as often for a name that nobody has as for one that somebody has."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User
from django.http import HttpRequest


class EvenAuthenticationBackend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's, which tries an e-mail address as a username, too, and then checks a known one's password twice.

    The time would tell who has an account. As a username it was tried by Django's own backend before.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        if credentials.get("email"):
            credentials.pop("username", None)
        found: User | None = super().authenticate(request, **credentials)
        return found
