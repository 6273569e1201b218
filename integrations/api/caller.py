"""Who calls the API: the project around says, which knows of tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase

from integrations.api.quota import Quota, spend
from integrations.flows.lend import Borrower, Seen


class BearerRefused(Exception):
    """A token that is not good enough (RFC 6750 §3.1).

    ``error``: invalid_token or insufficient_scope; empty where no token was shown: then nothing is told about errors.
    """

    def __init__(self, error: str = "", description: str = "", *, scope: str = "") -> None:
        self.error = error
        self.description = description
        self.scope = scope
        super().__init__(error, description)


class PersonRequired(Exception):
    """What is asked for acts for a person, and the caller for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """An application, the scope of its token, and the person it acts for; None: it acts for itself.

    `redirect_uris` are the addresses that it registered: people may be sent to their origins. `seen` is what opens the
    connection to it that is asked for, if that was read along.
    """

    borrower: Borrower
    person: AbstractBaseUser | None
    scope: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    seen: Seen | None = None


class CallerRequest(HttpRequest):
    """A request whose token was found good; `auth` is who calls, `quota` what is left to them."""

    auth: Caller
    quota: Quota


type Authenticator = Callable[[HttpRequest], Caller]


class Scoped(AuthBase):
    """Let in a caller whose token has a scope (RFC 6750), and who has not asked too often."""

    openapi_type = "oauth2"
    authenticator: ClassVar[Authenticator]

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> Caller:
        caller = type(self).authenticator(request)
        request.quota = spend(caller.borrower, now=timezone.now())  # type: ignore[attr-defined]
        if self.scope not in caller.scope:
            raise BearerRefused("insufficient_scope", f"This needs the scope {self.scope}.", scope=self.scope)
        return caller


def authenticate_by(authenticator: Authenticator) -> None:
    """Have the API ask this who calls; once, where addresses are made."""
    Scoped.authenticator = authenticator


def require_person(caller: Caller) -> int:
    """The key of the person that a caller acts for.

    Raises:
        PersonRequired
    """
    if caller.borrower.person_id is None:
        raise PersonRequired
    return caller.borrower.person_id
