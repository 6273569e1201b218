"""Shopify: the shop is the host, tokens must be asked to expire, and travel in a header of their own."""

import json

import pytest

from integrations.providers import VariableRefused, get
from tests.providers.building import answer, authorization_parameters, client_of, form


@pytest.mark.parametrize(
    "shop", ["acme.myshopify.com", "acme.evil.example/", "acme#", "Acme", "acme_shop", "-acme", "acme-", ""]
)
def test_a_shop_is_one_label(shop: str) -> None:
    with pytest.raises(VariableRefused, match="shop"):
        get("shopify").authorization_server({"shop": shop})


def test_the_scope_is_separated_by_commas() -> None:
    client = client_of("shopify", shop="acme")

    sent = authorization_parameters(client, "read_products", "write_orders")

    assert client.server.authorization_endpoint == "https://acme.myshopify.com/admin/oauth/authorize"
    assert sent["scope"] == "read_products,write_orders"


def test_expiring_tokens_are_asked_for() -> None:
    client = client_of("shopify")

    exchange = form(client.exchange_request("abc", code_verifier=None))
    refresh = form(client.refresh_request("rt"))

    assert exchange["expiring"] == "1"
    assert (exchange["client_id"], exchange["client_secret"]) == ("id", "secret")
    assert "expiring" not in refresh


def test_the_documented_answer_is_read() -> None:
    document = {
        "access_token": "shpat_1",
        "expires_in": 3600,
        "refresh_token": "shprt_1",
        "refresh_token_expires_in": 7776000,
        "scope": "write_products,read_orders",
    }

    token = client_of("shopify").judge_token(answer(document))

    assert (token.expires_in, token.refresh_expires_in) == (3600, 7776000)
    assert token.scope == frozenset({"write_products", "read_orders"})


def test_the_token_travels_in_shopifys_header_alone() -> None:
    request = client_of("shopify").userinfo_request("shpat_1")

    assert request.headers["X-Shopify-Access-Token"] == "shpat_1"
    assert "Authorization" not in request.headers
    assert json.loads(request.body)["query"].startswith("{ shop")


def test_the_account_is_the_shop() -> None:
    document = {"data": {"shop": {"id": "gid://shopify/Shopify/1", "name": "Acme", "myshopifyDomain": "acme.x"}}}

    identity = client_of("shopify").judge_userinfo(answer(document))

    assert (identity.subject, identity.label) == ("gid://shopify/Shopify/1", "acme.x")


def test_disconnecting_uninstalls_the_app() -> None:
    [request] = client_of("shopify", shop="acme").revocation_requests(access_token="at", refresh_token="rt")

    assert request.method == "DELETE"
    assert request.url == "https://acme.myshopify.com/admin/api_permissions/current.json"
    assert request.headers["X-Shopify-Access-Token"] == "at"


def test_writing_implies_reading() -> None:
    on, _ = get("shopify").features_of({"write_products"})

    assert {feature.slug for feature in on} == {"shop", "products.read", "products.write"}
