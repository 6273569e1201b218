"""RFC 8414 and OpenID Connect Discovery 1.0: an issuer's metadata."""

from typing import Any

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.client import Client
from integrations.oauth.discovery import discover, judge, well_known_urls
from integrations.oauth.errors import AddressRefused, DiscoveryRefused, OAuthError, ProviderUnavailable, Remedy
from integrations.oauth.message import Request, Response
from integrations.oauth.server import AuthorizationServer, Dialect, from_metadata
from tests.oauth.making import ISSUER, make_client, make_response

DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
    "userinfo_endpoint": f"{ISSUER}/userinfo",
    "jwks_uri": f"{ISSUER}/jwks.json",
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
    "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256", "XX999"],
}


class Provider:
    """A sender that has documents at some addresses, and 404 at all others."""

    policy = AddressPolicy()

    def __init__(self, documents: dict[str, Response]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request.url)
        return self.documents.get(request.url, make_response(b"", status=404))


def judged(**changes: Any) -> AuthorizationServer:
    document = {name: value for name, value in {**DOCUMENT, **changes}.items() if value is not None}
    return judge(make_response(document), issuer=ISSUER, policy=AddressPolicy())


@pytest.mark.requirement(60)
@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        (
            "https://example.com",
            [
                "https://example.com/.well-known/openid-configuration",
                "https://example.com/.well-known/oauth-authorization-server",
            ],
        ),
        (
            "https://example.com/issuer1",
            [
                "https://example.com/issuer1/.well-known/openid-configuration",
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/.well-known/openid-configuration/issuer1",
            ],
        ),
        (
            "https://example.com/a/b/",
            [
                "https://example.com/a/b/.well-known/openid-configuration",
                "https://example.com/.well-known/oauth-authorization-server/a/b",
                "https://example.com/.well-known/openid-configuration/a/b",
            ],
        ),
    ],
)
def test_the_path_is_appended_to_and_inserted_before(issuer: str, urls: list[str]) -> None:
    assert well_known_urls(issuer) == urls


@pytest.mark.requirement(60)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_metadata_is_found_wherever_it_is(place: int) -> None:
    issuer = "https://example.com/tenant"
    document = {**DOCUMENT, "issuer": issuer}
    provider = Provider({well_known_urls(issuer)[place]: make_response(document)})

    assert discover(issuer, provider).issuer == issuer
    assert len(provider.asked) == place + 1


def test_a_web_page_with_200_is_how_some_say_no() -> None:
    first, second = well_known_urls(ISSUER)
    provider = Provider({first: make_response(b"\n<!doctype html>"), second: make_response(DOCUMENT)})

    assert discover(ISSUER, provider).issuer == ISSUER


@pytest.mark.requirement(60)
@pytest.mark.parametrize(
    "named", [None, "", "https://evil.example", f"{ISSUER}/", ISSUER.upper(), f"{ISSUER}:443", 5, [ISSUER]]
)
def test_a_document_of_another_issuer_is_refused_and_nothing_else_is_tried(named: object) -> None:
    first, second = well_known_urls(ISSUER)
    provider = Provider({first: make_response({**DOCUMENT, "issuer": named}), second: make_response(DOCUMENT)})

    with pytest.raises(DiscoveryRefused) as caught:
        discover(ISSUER, provider)

    assert (caught.value.code, caught.value.remedy) == ("issuer_mismatch", Remedy.OPERATOR)
    assert provider.asked == [first]


def test_a_document_says_what_the_server_is_and_only_what_the_hub_accepts() -> None:
    server = judged()

    assert server.token_endpoint == f"{ISSUER}/token"
    assert server.jwks_uri == f"{ISSUER}/jwks.json"
    assert server.revocation_endpoint == ""
    assert server.authorization_response_iss_parameter_supported is True
    assert server.id_token_signing_alg_values_supported == {"RS256", "ES256"}
    assert server.token_endpoint_auth_methods_supported == frozenset({"client_secret_basic", "private_key_jwt"})


@pytest.mark.parametrize("value", [None, "true", 1, "yes"])
def test_iss_is_promised_by_true_alone(value: object) -> None:
    server = judged(authorization_response_iss_parameter_supported=value)

    assert server.authorization_response_iss_parameter_supported is False


@pytest.mark.requirement(29)
@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256", [5]])
def test_a_document_without_s256_ends_at_the_authorization_request(methods: object) -> None:
    server = judged(code_challenge_methods_supported=methods)

    with pytest.raises(DiscoveryRefused) as caught:
        Client(server=server, client_id="a", redirect_uri="https://hub.example/cb").authorization_url(
            state="s", code_challenge="c" * 43, nonce=None, scope=frozenset()
        )

    assert caught.value.code == "pkce_unsupported"


@pytest.mark.requirement(51)
@pytest.mark.parametrize(
    ("offered", "kept"), [(None, {"RS256"}), (["none"], set()), (["HS256"], set()), ([], {"RS256"})]
)
def test_signing_algorithms_are_those_on_our_list(offered: object, kept: set[str]) -> None:
    assert judged(id_token_signing_alg_values_supported=offered).id_token_signing_alg_values_supported == kept


@pytest.mark.requirement(124)
@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint"]
)
@pytest.mark.parametrize(
    "url",
    ["http://server.example.com/a", "https://127.0.0.1/a", "https://server.example.com:22/", "file:///etc/passwd"],
)
def test_an_endpoint_that_is_no_address_to_call_is_refused(name: str, url: str) -> None:
    with pytest.raises(AddressRefused):
        judged(**{name: url})


@pytest.mark.requirement(124)
@pytest.mark.parametrize("issuer", ["http://server.example.com", "https://10.0.0.1", "https://a.example/#x", "x"])
def test_an_issuer_that_is_no_address_to_call_is_not_called(issuer: str) -> None:
    provider = Provider({})

    with pytest.raises(AddressRefused):
        discover(issuer, provider)

    assert provider.asked == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"token_endpoint": None}, DiscoveryRefused),
        ({"authorization_endpoint": ""}, DiscoveryRefused),
        ({"token_endpoint": ["https://a.example"]}, DiscoveryRefused),
        ({"jwks_uri": 5}, DiscoveryRefused),
    ],
)
def test_a_document_with_a_hole_is_refused(changes: dict[str, Any], kind: type[OAuthError]) -> None:
    with pytest.raises(kind):
        judged(**changes)


@pytest.mark.requirement(46, 44)
@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (make_response(DOCUMENT, status=302), ProviderUnavailable),
        (make_response(DOCUMENT, status=503), ProviderUnavailable),
        (make_response(b"not json"), ProviderUnavailable),
        (make_response(b"[]"), ProviderUnavailable),
        (make_response(b'{"issuer": "https://a.example", "issuer": "' + ISSUER.encode() + b'"}'), ProviderUnavailable),
        (make_response(b"", status=404), DiscoveryRefused),
    ],
)
def test_an_answer_that_is_no_document_is_not_used(response: Response, kind: type[OAuthError]) -> None:
    with pytest.raises(kind):
        discover(ISSUER, Provider(dict.fromkeys(well_known_urls(ISSUER), response)))


def test_an_issuer_with_a_query_is_refused() -> None:
    with pytest.raises(DiscoveryRefused):
        discover(f"{ISSUER}/?a=b", Provider({}))


def test_metadata_is_written_down_and_read_back() -> None:
    dialect = Dialect(scope_separator=",")
    server = judged()

    assert from_metadata(server.metadata(), dialect=Dialect()) == server
    assert from_metadata(server.metadata(), dialect=dialect).dialect is dialect
    assert "code_challenge_methods_supported" not in make_client().server.metadata()
