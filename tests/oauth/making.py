"""Plain functions that make what the tests need, with keyword defaults."""

import json
from typing import Any

from integrations.oauth.client import Client
from integrations.oauth.message import Response
from integrations.oauth.server import AuthorizationServer, Dialect

ISSUER = "https://server.example.com"


def make_server(**changes: Any) -> AuthorizationServer:
    members: dict[str, Any] = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
    }
    return AuthorizationServer(**{**members, **changes})


def make_client(*, dialect: Dialect | None = None, server: dict[str, Any] | None = None, **changes: Any) -> Client:
    """RFC 6749's example client."""
    members: dict[str, Any] = {
        "server": make_server(dialect=dialect or Dialect(), **(server or {})),
        "client_id": "s6BhdRkqt3",
        "client_secret": "gX1fBat3bV",
        "redirect_uri": "https://client.example.com/cb",
    }
    return Client(**{**members, **changes})


def make_response(
    body: object = b"", *, status: int = 200, content_type: str = "application/json", **headers: str
) -> Response:
    """A response; a body that is not bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers={"content-type": content_type, **named}, body=data)
