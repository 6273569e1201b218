"""What a person does with the pages, step by step."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from integrations.models import Connection
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer


@dataclass(kw_only=True)
class Person:
    """Signed in with one browser, at home with an account at the provider."""

    user: User
    client: Client
    server: FakeAuthorizationServer

    def get(self, path: str, **headers: str) -> HttpResponse:
        response = self.client.get(path, headers=headers)
        if response.headers.get("Location") == reverse("integrations:problem"):
            response = self.client.get(response.headers["Location"])
        return response  # type: ignore[return-value]

    def post(self, path: str, **form: object) -> HttpResponse:
        return self.client.post(path, form)  # type: ignore[return-value]

    def begin(self, *features: str, slug: str = "sandbox", next: str = "") -> str:
        """Press Continue on a provider's page; the authorization URL."""
        return authorization_url(self.post(reverse("integrations:begin", args=[slug]), features=features, next=next))

    def come_back(self, url: str, *, account: str = "alice", scope: str | None = None, error: str = "") -> HttpResponse:
        """Agree (or not) at the provider and follow it back to the hub."""
        location = self.server.authorization_response(url, account=account, scope=scope, error=error)
        parts = urlsplit(location)
        return self.get(f"{parts.path}?{parts.query}")

    def connect(self, *features: str, account: str = "alice") -> Connection:
        """Connect an account, all the way."""
        self.come_back(self.begin(*features), account=account)
        return self.user.connections.select_related("registration").latest("pk")

    def page(self, connection: Connection, name: str = "connection") -> str:
        return reverse(f"integrations:{name}", kwargs={"uuid": connection.uuid})


def new_person(
    username: str, *, server: FakeAuthorizationServer, user: User | None = None, permissions: Collection[str] = ()
) -> Person:
    user = user or make_user(username, permissions=permissions)
    client = Client()
    client.force_login(user)
    return Person(user=user, client=client, server=server)


def authorization_url(response: HttpResponse) -> str:
    """Where a page hands the browser over to."""
    seconds, _, url = response.headers["Refresh"].partition(";url=")
    assert seconds == "0"
    return url


def text_of(response: HttpResponse) -> str:
    """The page's words, without tags, runs of white space, and what differs from request to request."""
    body = re.sub(r"<code data-varies>\w+</code>|<[^>]+>", " ", response.content.decode())
    return " ".join(body.split())


def asked_scope(url: str) -> set[str]:
    return set(parse_qs(urlsplit(url).query)["scope"][0].split())
