"""An application asks, a person decides, and ticks what it may use."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from integrations.models import Allowance, Connection
from tests.authorization_server.steps import authorization_request, exchange, response_of

BORROW = "profile connections:read connections:borrow"


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def open_page(browser: Client, *, scope: str = BORROW, **changes: str | None) -> Any:
    return browser.get("/oauth/authorize/", authorization_request(scope=scope, **changes))


def decide(
    browser: Client,
    *ticks: str,
    allow: bool = True,
    scope: str = BORROW,
    form: Mapping[str, str] | None = None,
    **changes: str | None,
) -> Any:
    """Open the page, tick, and press a button; `form` changes what the page's hidden fields say."""
    page = open_page(browser, scope=scope, **changes)
    assert page.status_code == 200, page.content
    fields = {name: value for name, value in page.context["form"].initial.items() if value is not None}
    sent = {**fields, **(form or {}), "allowed": [*ticks], **({"allow": "true"} if allow else {})}
    return browser.post("/oauth/authorize/", sent)


def tick(connection: Connection, *features: str) -> list[str]:
    return [f"{connection.uuid}:{feature}" for feature in features]


def token_after(response: Any) -> dict[str, Any]:
    """The tokens that the application fetches with the code it was sent."""
    body: dict[str, Any] = exchange(response_of(response)["code"]).json()
    return body


def allowed(user: User, *, client_id: str = "client-1") -> dict[int, list[str]]:
    rows: Iterable[Allowance] = Allowance.objects.filter(person=user, client_id=client_id)
    return {row.connection_id: row.features for row in rows if row.connection_id}
