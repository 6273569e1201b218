"""A program that calls the API, over Django's test client."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from hub.authorization_server.configuration import SCOPE
from tests.authorization_server.steps import make_application

ALL_SCOPE = " ".join(SCOPE)
PREFIX = "/api/v1"
_numbers = itertools.count(1)


def issue(user: User | None, *, scope: str = ALL_SCOPE, client_id: str = "client-1", expires_in: int = 600) -> str:
    """An access token of this hub for an application, made if it is not there; without a user it acts for itself."""
    application = Application.objects.filter(client_id=client_id).first() or make_application(client_id)
    value = f"hub-token-{next(_numbers)}"
    expires = timezone.now() + timedelta(seconds=expires_in)
    AccessToken.objects.create(token=value, scope=scope, expires=expires, application=application, user=user)
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """Holds a token and calls with it; an empty one is not sent."""

    token: str
    client: Client = field(default_factory=Client)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Call `path` under the API; a body is sent as JSON, bytes as they are."""
        sent = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        content_type = sent.pop("Content-Type", "application/json")
        return self.client.generic(
            method, f"{PREFIX}{path}", content, content_type=content_type, headers=sent, query_params=query
        )

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Any:
        return self.ask("GET", path, headers=headers, query=query)

    def post(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        return self.ask("POST", path, body, headers=headers)

    def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> Any:
        return self.ask("DELETE", path, headers=headers)


def program_of(user: User | None, **options: Any) -> Program:
    return Program(token=issue(user, **options))
