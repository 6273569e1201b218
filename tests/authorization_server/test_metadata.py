"""RFC 8414: what we say about ourselves is what we do."""

import pytest
from django.test import Client
from django.urls import resolve

ORIGIN = "http://127.0.0.1:8000"
INSERTED = "/.well-known/oauth-authorization-server/oauth"
APPENDED = "/oauth/.well-known/oauth-authorization-server"


@pytest.mark.parametrize("path", [INSERTED, APPENDED])
def test_the_issuer_comes_from_our_settings_and_not_from_the_request(path: str) -> None:
    document = Client().get(path, headers={"Host": "localhost"}).json()

    assert document["issuer"] == f"{ORIGIN}/oauth"
    assert document["authorization_endpoint"] == f"{ORIGIN}/oauth/authorize/"
    assert document["authorization_response_iss_parameter_supported"] is True


def test_every_endpoint_named_exists() -> None:
    document = Client().get(INSERTED).json()

    endpoints = {name: value for name, value in document.items() if name.endswith("_endpoint")}
    assert set(endpoints) == {
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    }
    for url in endpoints.values():
        assert resolve(url.removeprefix(ORIGIN)).namespace == "oauth2_provider"


def test_only_what_we_support_is_advertised() -> None:
    document = Client().get(INSERTED).json()

    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ]
    assert document["scopes_supported"] == ["notes:read", "notes:write", "profile"]
