"""RFC 7636: proof key for code exchange."""

import re
from urllib.parse import parse_qsl

import pytest

from integrations.oauth.errors import DiscoveryRefused, Remedy
from integrations.oauth.pkce import code_challenge, new_code_verifier
from integrations.oauth.server import Dialect
from tests.oauth.making import make_client

# Appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.requirement(27)
def test_a_verifier_is_long_unreserved_and_new() -> None:
    verifiers = {new_code_verifier() for _ in range(1_000)}

    assert len(verifiers) == 1_000
    assert all(re.fullmatch(r"[A-Za-z0-9\-._~]{43,128}", verifier) for verifier in verifiers)


@pytest.mark.requirement(28)
def test_the_example_of_appendix_b() -> None:
    assert code_challenge(VERIFIER) == CHALLENGE


def authorization_url(challenge: str | None = CHALLENGE, *, methods: object, dialect: Dialect | None = None) -> str:
    client = make_client(dialect=dialect, server={"code_challenge_methods_supported": methods})
    return client.authorization_url(state="s", code_challenge=challenge, nonce=None, scope=frozenset())


@pytest.mark.requirement(27, 28)
@pytest.mark.parametrize("methods", [None, frozenset({"S256"}), frozenset({"plain", "S256"})])
def test_the_challenge_goes_into_the_url_and_the_verifier_into_the_token_request(methods: object) -> None:
    url = authorization_url(methods=methods)
    request = make_client().exchange_request("code", code_verifier=VERIFIER)

    assert f"code_challenge={CHALLENGE}&code_challenge_method=S256" in url
    assert VERIFIER not in url
    assert VERIFIER not in request.url
    assert VERIFIER not in repr(request)
    assert dict(parse_qsl(request.body.decode()))["code_verifier"] == VERIFIER


@pytest.mark.requirement(29)
@pytest.mark.parametrize("methods", [frozenset(), frozenset({"plain"}), frozenset({"s256"})])
def test_a_server_without_s256_is_refused(methods: frozenset[str]) -> None:
    with pytest.raises(DiscoveryRefused) as caught:
        authorization_url(methods=methods)

    assert (caught.value.code, caught.value.remedy) == ("pkce_unsupported", Remedy.OPERATOR)


@pytest.mark.requirement(29)
def test_no_request_goes_out_without_a_challenge() -> None:
    with pytest.raises(DiscoveryRefused):
        authorization_url(None, methods=None)


@pytest.mark.requirement(29)
def test_an_operators_exception_leaves_pkce_out_of_both_requests() -> None:
    dialect = Dialect(pkce="unsupported")
    client = make_client(dialect=dialect, server={"code_challenge_methods_supported": frozenset({"plain"})})

    url = authorization_url(None, methods=frozenset({"plain"}), dialect=dialect)
    request = client.exchange_request("code", code_verifier=VERIFIER)

    assert client.uses_pkce is False
    assert "code_challenge" not in url
    assert b"code_verifier" not in request.body
