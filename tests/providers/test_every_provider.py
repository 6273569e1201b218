"""One contract, run over the whole catalogue."""

import json
from dataclasses import FrozenInstanceError
from datetime import date
from urllib.parse import urlsplit

import pytest

from integrations.oauth.client import Client
from integrations.providers import PROVIDERS, Provider, read_catalogue
from integrations.providers.template import names_in, strings_in
from tests.providers.building import (
    CHALLENGE,
    REDIRECT_URI,
    VERIFIER,
    answer,
    authorization_parameters,
    examples,
    form,
    server_of,
)

EXPECTED = {
    *("atlassian", "discord", "dropbox", "github", "gitlab", "google", "hubspot", "linear", "microsoft"),
    *("notion", "salesforce", "shopify", "slack", "spotify", "zoom", "oauth2", "oidc", "sandbox"),
}
KEPT = {"instance_url": "https://acme.my.salesforce.com", "cloud_id": "1324a887-45db"}
GENERIC = {"oauth2", "oidc"}
FOR_TRIALS = {"sandbox", "helpdesk"}

every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
every_real_provider = pytest.mark.parametrize(
    "provider",
    [p for slug, p in PROVIDERS.items() if slug not in {*GENERIC, *FOR_TRIALS}],
    ids=lambda p: p.slug,
)


def client_of(provider: Provider) -> Client:
    return Client(server=server_of(provider), client_id="id", client_secret="secret", redirect_uri=REDIRECT_URI)


def test_the_catalogue_has_every_provider_that_the_readme_promises() -> None:
    assert set(read_catalogue()) == EXPECTED


@every_provider
def test_an_entry_cannot_be_changed(provider: Provider) -> None:
    with pytest.raises(FrozenInstanceError):
        provider.name = "another"  # type: ignore[misc]


@every_provider
def test_every_endpoint_is_https_and_nothing_is_left_to_fill_in(provider: Provider) -> None:
    server = server_of(provider)

    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint"):
        assert getattr(server, name), name
    for url in (text for text in strings_in(server) if "://" in text):
        assert url.startswith("https://") or provider.slug in FOR_TRIALS
    assert not set().union(*(names_in(text) for text in strings_in(server)))


@every_provider
def test_it_says_how_an_operator_and_a_person_go_on_from_here(provider: Provider) -> None:
    assert provider.documentation_url.startswith("https://")
    assert provider.checked == date(2026, 11, 23)
    assert provider.server.revocation_endpoint or provider.revocation_page_url or provider.slug in GENERIC
    assert provider.registration_url or provider.slug in {*GENERIC, *FOR_TRIALS}


@every_real_provider
def test_it_offers_a_handful_of_features_in_human_words(provider: Provider) -> None:
    count = len(provider.features)

    assert count == 1 if provider.access_is_fixed else 3 <= count <= 6
    for feature in provider.features:
        assert len(feature.title) <= 40
        assert feature.description.endswith(".")
        assert all(provider.scope_title(scope) != scope for scope in feature.scope)


@every_provider
def test_the_minimum_alone_switches_on_the_minimum_and_not_everything(provider: Provider) -> None:
    on, missing = provider.features_of(provider.scope_of([]))

    assert provider.minimum in on
    assert len(missing) == len(provider.features) - len(on)
    assert missing or len(provider.features) == 1


@every_provider
def test_each_feature_is_on_once_its_scope_is_granted(provider: Provider) -> None:
    for feature in provider.features:
        on, _ = provider.features_of(provider.scope_of([feature.slug]))

        assert feature in on


@every_provider
def test_the_authorization_request_carries_state_redirect_uri_and_scope(provider: Provider) -> None:
    scope = provider.scope_of([feature.slug for feature in provider.features])

    sent = authorization_parameters(client_of(provider), *scope)

    dialect = provider.server.dialect
    assert sent["state"] == "s"
    assert sent["redirect_uri"] == REDIRECT_URI
    assert sent["client_id"] == "id"
    asked = sent.get(dialect.user_scope_parameter or "scope", "")
    assert set(asked.split(dialect.scope_separator)) - {""} == scope


@every_provider
def test_pkce_is_sent_unless_the_entry_says_that_the_provider_cannot(provider: Provider) -> None:
    client = client_of(provider)

    sent = authorization_parameters(client)
    exchange = client.exchange_request("code", code_verifier=VERIFIER)

    without = {"notion", "shopify", "slack"}
    assert (sent.get("code_challenge") == CHALLENGE) is (provider.slug not in without)
    assert (VERIFIER.encode() in exchange.body) is (provider.slug not in without)


@every_provider
def test_the_secret_goes_to_the_token_endpoint_once_and_never_into_an_address(provider: Provider) -> None:
    client = client_of(provider)

    for request in (
        client.exchange_request("code", code_verifier=VERIFIER),
        client.refresh_request("refresh"),
    ):
        parameters = (
            json.loads(request.body) if provider.server.dialect.token_request_format == "json" else form(request)
        )
        assert ("client_secret" in parameters) is not ("Authorization" in request.headers)
        assert "secret" not in request.url
        assert parameters["grant_type"] in {"authorization_code", "refresh_token"}


@every_provider
def test_the_account_is_asked_for_with_the_token_in_a_header(provider: Provider) -> None:
    request = client_of(provider).userinfo_request("a-token")

    assert "a-token" in request.headers[provider.server.dialect.token_header_name]
    assert "a-token" not in request.url
    assert b"a-token" not in request.body


@every_provider
def test_revocation_never_puts_a_token_into_an_address(provider: Provider) -> None:
    requests = client_of(provider).revocation_requests(access_token="an-access", refresh_token="a-refresh")

    assert bool(requests) is bool(server_of(provider).revocation_endpoint)
    for request in requests:
        assert "an-access" not in request.url
        assert "a-refresh" not in request.url
        assert "{" not in request.url


@every_provider
def test_the_proof_that_a_token_works_is_on_the_providers_own_api(provider: Provider) -> None:
    if provider.slug in GENERIC:
        pytest.skip("what the operator enters is the API")
    paths = [provider.test_path, *(feature.test_path for feature in provider.features)]

    for path in filter(None, paths):
        url = provider.api_url(path, examples(provider), KEPT)
        provider.check_api_url(url, examples(provider))
        assert urlsplit(url).username is None


@every_provider
def test_the_account_is_asked_for_where_tokens_may_go(provider: Provider) -> None:
    server = server_of(provider)
    hosts = {urlsplit(url).hostname for url in (server.token_endpoint, server.authorization_endpoint)}

    for url in (server.userinfo_endpoint, server.revocation_endpoint):
        if url and urlsplit(url).hostname not in hosts and provider.slug not in GENERIC:
            provider.check_api_url(url.replace("{client_id}", "id"), examples(provider))


@every_provider
def test_a_plain_rfc_6749_answer_is_understood(provider: Provider) -> None:
    dialect = provider.server.dialect
    document = {
        "access_token": "at",
        "token_type": min(dialect.token_types),
        "expires_in": 3600,
        "refresh_token": "rt",
        "ok": True,
    }

    token = client_of(provider).judge_token(answer(document))

    assert (token.access_token, token.refresh_token, token.expires_in) == ("at", "rt", 3600)


@every_provider
@pytest.mark.parametrize(
    ("error", "remedy"),
    [("invalid_grant", "reauthorize"), ("invalid_client", "operator"), ("server_error", "retry")],
)
def test_the_rfcs_errors_keep_their_meaning(provider: Provider, error: str, remedy: str) -> None:
    with pytest.raises(Exception, match=error) as failed:
        client_of(provider).judge_token(answer({"ok": False, "error": error}, status=400))

    assert failed.value.remedy == remedy  # type: ignore[attr-defined]


@every_provider
def test_every_mapped_error_becomes_one_that_a_caller_can_act_on(provider: Provider) -> None:
    known = {
        *("invalid_grant", "invalid_client", "unauthorized_client", "invalid_request", "invalid_scope"),
        *(
            "unsupported_grant_type",
            "access_denied",
            "server_error",
            "temporarily_unavailable",
            "rate_limited",
        ),
    }

    assert set(provider.server.dialect.errors.values()) <= known
