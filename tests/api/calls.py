"""An application's calls through the hub, at an API that a test answers for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from integrations.models import Connection
from tests.api.test_bearer import make_token
from tests.factories import make_connection, make_registration, make_tokens, make_user
from tests.fakes.upstream import FakeUpstream
from tests.lending import make_allowance

ACCESS_TOKEN = "the-provider's-own-token"


@dataclass(kw_only=True)
class Calls:
    """One connection, lent whole, unless a test says otherwise."""

    upstream: FakeUpstream
    person: User
    connection: Connection
    token: str
    client: Client

    @property
    def base(self) -> str:
        return f"/api/v1/connections/{self.connection.uuid}/proxy/"

    def send(
        self,
        path: str = "notes",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        environment: Mapping[str, Any] | None = None,
    ) -> Any:
        """Make a call. `path` is written as a client writes it; `environment` is what the server makes of a request."""
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        content_type = given.pop("Content-Type", "application/json")
        return self.client.generic(
            method, self.base + path, body, content_type=content_type, headers=given, **(environment or {})
        )


def make_calls(upstream: FakeUpstream, *, scope: str = "profile notes:read notes:write", **fields: Any) -> Calls:
    person = make_user()
    connection = make_connection(
        owner=person,
        registration=make_registration(origin=upstream.origin),
        tokens=make_tokens(access_token=ACCESS_TOKEN),
        scope=scope,
        **fields,
    )
    make_allowance(connection)
    token = make_token(scope="connections:call", user=person)
    return Calls(upstream=upstream, person=person, connection=connection, token=token, client=Client())
