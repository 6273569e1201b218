"""Microsoft: a tenant in the address, offline access by scope, no revocation."""

import pytest

from integrations.oauth.errors import InvalidGrant
from integrations.providers import VariableRefused, get
from tests.providers.building import answer, authorization_parameters, client_of


@pytest.mark.parametrize(
    "tenant", ["common", "contoso.onmicrosoft.com", "72f988bf-86f1-41af-91ab-2d7cd011db47", "consumers"]
)
def test_the_tenant_stands_in_the_address(tenant: str) -> None:
    client = client_of("microsoft", tenant=tenant)

    expected = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
    assert client.refresh_request("rt").url == expected


@pytest.mark.parametrize("tenant", ["common/../consumers", "Common", "72f988bf", "contoso", "a.b/c", "evil.com\n"])
def test_anything_else_is_no_tenant(tenant: str) -> None:
    with pytest.raises(VariableRefused, match="tenant"):
        get("microsoft").authorization_server({"tenant": tenant})


def test_offline_access_is_part_of_the_scope() -> None:
    sent = authorization_parameters(client_of("microsoft"), *get("microsoft").scope_of(["mail.read"]))

    assert sent["scope"] == "Mail.Read User.Read offline_access"


def test_the_granted_scope_may_come_as_addresses() -> None:
    document = {
        "token_type": "Bearer",
        "scope": "https://graph.microsoft.com/Mail.Read User.Read profile openid email",
        "expires_in": 3736,
        "access_token": "eyJ0",
        "refresh_token": "AwAB",
    }

    token = client_of("microsoft").judge_token(answer(document))

    assert token.scope == frozenset({"Mail.Read", "User.Read", "profile", "openid", "email"})
    assert token.scope is not None
    on, _ = get("microsoft").features_of(token.scope)
    assert {feature.slug for feature in on} == {"account", "mail.read"}


def test_a_refresh_that_needs_the_person_is_a_dead_grant() -> None:
    with pytest.raises(InvalidGrant):
        client_of("microsoft").judge_token(answer({"error": "interaction_required"}, status=400))


def test_a_person_removes_access_by_hand() -> None:
    assert client_of("microsoft").revocation_requests(access_token="at", refresh_token="rt") == []
    assert get("microsoft").revocation_page_url.startswith("https://")
