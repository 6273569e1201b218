"""The generic entries: endpoints discovered from an issuer, or entered one by one; and the sandbox."""

import pytest

from integrations.oauth.server import AuthorizationServer
from integrations.providers import CatalogueError, UnknownFeature, UnknownProvider, VariableRefused, get
from tests.providers.building import answer, client_of

ISSUER = "https://login.example.com/realms/staff"
DISCOVERED = AuthorizationServer(
    issuer=ISSUER,
    authorization_endpoint="https://login.example.com/authorize",
    token_endpoint="https://login.example.com/token",
    jwks_uri="https://login.example.com/keys",
    code_challenge_methods_supported=frozenset({"S256"}),
    id_token_signing_alg_values_supported=frozenset({"ES256"}),
    authorization_response_iss_parameter_supported=True,
)
ENDPOINTS = {
    "authorization_endpoint": "https://login.example.com/oauth/authorize",
    "token_endpoint": "https://login.example.com/oauth/token",
    "userinfo_endpoint": "https://api.example.com/v1/me",
    "subject_path": "data.id",
    "label_path": "data.login",
    "api_base_url": "https://api.example.com/v1",
}


def test_discovered_endpoints_are_used() -> None:
    server = get("oidc").authorization_server({"issuer": ISSUER}, DISCOVERED.metadata())

    assert server.token_endpoint == "https://login.example.com/token"
    assert server.id_token_signing_alg_values_supported == {"ES256"}
    assert server.authorization_response_iss_parameter_supported
    assert server.dialect == get("oidc").server.dialect
    assert get("oidc").issuer({"issuer": ISSUER}) == ISSUER


@pytest.mark.parametrize("metadata", [None, {}, {**DISCOVERED.metadata(), "issuer": "https://evil.example"}])
def test_nothing_and_another_issuers_metadata_are_refused(metadata: dict[str, str] | None) -> None:
    with pytest.raises(CatalogueError):
        get("oidc").authorization_server({"issuer": ISSUER}, metadata)


def test_metadata_does_not_move_a_provider_whose_endpoints_are_known() -> None:
    server = get("github").authorization_server({}, DISCOVERED.metadata())

    assert server.token_endpoint == "https://github.com/login/oauth/access_token"


def test_entered_endpoints_are_used() -> None:
    client = client_of("oauth2", **ENDPOINTS)

    assert client.refresh_request("rt").url == "https://login.example.com/oauth/token"
    assert client.uses_pkce
    identity = client.judge_userinfo(answer({"data": {"id": 7, "login": "ada"}}))
    assert (identity.subject, identity.label) == ("7", "ada")


def test_what_is_left_empty_is_not_there() -> None:
    server = get("oauth2").authorization_server(ENDPOINTS)

    assert (server.revocation_endpoint, server.issuer) == ("", "")
    assert get("oauth2").issuer(ENDPOINTS) == "https://login.example.com"


def test_pkce_is_off_only_by_an_operators_word() -> None:
    assert not client_of("oauth2", **ENDPOINTS, pkce="unsupported").uses_pkce
    with pytest.raises(VariableRefused, match="pkce"):
        get("oauth2").authorization_server({**ENDPOINTS, "pkce": "sometimes"})


def test_plain_http_is_for_this_machine_alone() -> None:
    local = {**ENDPOINTS, "token_endpoint": "http://127.0.0.1:8000/token"}

    assert get("oauth2").authorization_server(local).token_endpoint == "http://127.0.0.1:8000/token"
    with pytest.raises(VariableRefused, match="token_endpoint"):
        get("oauth2").authorization_server({**ENDPOINTS, "token_endpoint": "http://login.example.com/token"})


def test_the_sandbox_is_where_its_origin_says() -> None:
    variables = {"origin": "http://127.0.0.1:8000"}
    server = get("sandbox").authorization_server(variables)

    assert server.issuer == "http://127.0.0.1:8000/oauth"
    assert server.token_endpoint == "http://127.0.0.1:8000/oauth/token/"
    assert server.revocation_endpoint == "http://127.0.0.1:8000/oauth/revoke_token/"
    assert get("sandbox").api_url("/notes", variables, {}) == "http://127.0.0.1:8000/sandbox/api/notes"


def test_an_unknown_provider_and_an_unknown_feature_say_so() -> None:
    with pytest.raises(UnknownProvider, match="myspace"):
        get("myspace")
    with pytest.raises(UnknownFeature, match="telepathy"):
        get("sandbox").scope_of(["telepathy"])


def test_the_minimum_comes_along_with_every_feature() -> None:
    assert get("sandbox").scope_of(["notes.read"]) == {"profile", "notes:read"}
    assert get("sandbox").scope_of([]) == {"profile"}


def test_a_scope_without_a_title_is_shown_as_it_is() -> None:
    assert get("sandbox").scope_title("notes:read") == "Read your notes"
    assert get("sandbox").scope_title("other") == "other"
