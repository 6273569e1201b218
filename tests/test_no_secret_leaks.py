"""Values that carry a secret do not show it. What is logged, raised and shown on pages is tests/leaks/."""

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import hub
import integrations
from hub.redaction import is_secret_name
from integrations.oauth.client import Client
from integrations.oauth.message import Request, Response
from integrations.oauth.server import AuthorizationServer
from integrations.oauth.token import TokenResponse

CARRIERS = re.compile(r"(?:^|_)(?:body|headers|sealed|value|text|pairs|extra|claims|ciphers|form|(?<!error_)code)$")
# The catalogue's facts say how secrets are sent; they hold none.
FACTS = ("integrations.oauth.server", "integrations.providers.provider")
# An error's code, a scope token, a filter's choice, a colour.
HARMLESS = {
    ("Explanation", "code"),
    ("Unopened", "code"),
    ("Finding", "code"),
    ("Cause", "code"),
    ("Trouble", "code"),
    ("LeftAlone", "state"),
    ("Waiting", "code"),
    ("Concern", "code"),
    ("Selection", "text"),
    ("_Cell", "value"),
    ("ScopeRow", "token"),
    ("Option", "value"),
    ("Pair", "foreground_value"),
    ("Pair", "background_value"),
    # A cap's code, how a connection ended, what a form offers and what it says of a choice.
    ("Cap", "code"),
    ("Ending", "code"),
    ("Tick", "value"),
    ("Tick", "text"),
    ("Share", "state"),
    ("Kind", "text"),
}


def dataclasses_of_ours() -> Iterator[type]:
    """Every dataclass in our packages."""
    for package in (integrations, hub):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if ".migrations" in found.name or found.name in ("hub.wsgi", "hub.asgi"):
                continue
            module = importlib.import_module(found.name)
            for value in vars(module).values():
                if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == found.name:
                    yield value


@pytest.mark.requirement(98)
def test_a_field_that_may_hold_a_secret_is_left_out_of_the_repr() -> None:
    shown, seen = [], 0
    for kind in dataclasses_of_ours():
        if kind.__module__ in FACTS:
            continue
        for field in dataclasses.fields(kind):
            seen += 1
            holds_text = "bool" not in str(field.type) and "int" not in str(field.type)
            if field.repr and holds_text and (is_secret_name(field.name) or CARRIERS.search(field.name)):
                shown.append((kind.__name__, field.name))

    assert seen > 100
    assert [entry for entry in shown if entry not in HARMLESS] == []


@pytest.mark.requirement(98)
def test_no_value_on_its_way_to_or_from_a_provider_shows_a_secret() -> None:
    server = AuthorizationServer(authorization_endpoint="https://a.example/a", token_endpoint="https://a.example/t")
    client = Client(
        server=server, client_id="hub", client_secret="canary-secret", redirect_uri="https://hub.example/callback"
    )
    values = [
        client,
        client.exchange_request("canary-code", code_verifier="canary-verifier"),
        client.refresh_request("canary-refresh"),
        client.api_request("GET", "https://a.example/api", "canary-access"),
        Request(method="POST", url="https://a.example/t", headers={"Authorization": "canary"}, body=b"canary"),
        Response(status=200, headers={"set-cookie": "canary"}, body=b"canary", url="https://a.example/t"),
        TokenResponse(access_token="canary", token_type="bearer", refresh_token="canary", id_token="canary"),
    ]

    for value in values:
        assert "canary" not in f"{value!r} {value}"
