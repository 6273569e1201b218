"""An issuer of JWT access tokens that the hub trusts, on loopback; its tokens, and what is opened to its clients."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from django.contrib.auth.models import Permission
from django.http import QueryDict
from django.test import Client

from tests.factories import make_user
from tests.oauth.signing import rsa, sign

AUDIENCE = "http://127.0.0.1:8000/api/v1"


class Issuer:
    """Metadata and keys on loopback; `document` is what is published beside its name and its keys' address."""

    def __init__(self) -> None:
        self.document: dict[str, Any] | None = {}
        self.asked: list[str] = []
        self.is_slow, self.arrived, self.released = False, Event(), Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if outer.is_slow and self.path != "/keys":
                    outer.arrived.set()
                    outer.released.wait(60)
                found = outer.answer(self.path)
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path: str) -> Any:
        if self.document is None:
            return None
        if path == "/keys":
            return {"keys": [rsa().as_dict(private=False)]}
        whole = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.document}
        return whole if path == "/.well-known/oauth-authorization-server" else None


@contextmanager
def serving() -> Iterator[Issuer]:
    found = Issuer()
    Thread(target=found.server.serve_forever, daemon=True).start()
    yield found
    found.server.shutdown()
    found.server.server_close()


def token(issuer: Issuer, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    whole = {
        "iss": issuer.url,
        "sub": "someone",
        "aud": AUDIENCE,
        "exp": now + 600,
        "iat": now,
        "jti": "1",
        "client_id": "robot",
        "scope": "profile connections:read connections:disconnect connections:connect admin",
    }
    claims = {name: value for name, value in {**whole, **changes}.items() if value is not None}
    return sign(claims, headers={"typ": "at+jwt", **(headers or {})})


def open_to_client(issuer: str, registration: Any, *, client_id: str = "robot", subject: str = "") -> Any:
    """An operator opens what is the hub's own there, as the pages have it."""
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_allowance", "add_allowance"]))
    operator = Client()
    operator.force_login(user)
    query = QueryDict(mutable=True)
    query.update({"issuer": issuer, "client_id": client_id, "subject": subject, "registration": str(registration.pk)})
    address = f"/admin/integrations/allowance/add/?{query.urlencode()}"
    return operator.post(address, {"features": ["profile"], "scope": "", "connection": ""})
