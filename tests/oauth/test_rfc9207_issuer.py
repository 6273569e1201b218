"""RFC 9207: the iss parameter of the authorization response."""

import pytest

from integrations.oauth.errors import AccessDenied, ResponseRefused
from tests.oauth.making import make_client

ISSUER = "https://honest.as.example"


def judge(iss: str | None, *, promised: bool, issuer: str = ISSUER, error: str = "") -> str:
    client = make_client(
        server={"issuer": issuer, "authorization_response_iss_parameter_supported": promised},
    )
    answer = [("error", error)] if error else [("code", "x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58")]
    pairs = [*answer, ("state", "ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI")]
    if iss is not None:
        pairs.append(("iss", iss))
    return client.judge_authorization_response(pairs, expected_state_matches=True)


@pytest.mark.requirement(14)
@pytest.mark.parametrize("error", ["", "access_denied"])
@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example",
        f"{ISSUER}/",
        "https://HONEST.as.example",
        "https://honest.as.example:443",
        "",
        f" {ISSUER}",
    ],
)
def test_another_iss_is_refused_by_simple_comparison(iss: str, error: str) -> None:
    with pytest.raises(ResponseRefused) as caught:
        judge(iss, promised=True, error=error)

    assert caught.value.code == "iss_mismatch"


@pytest.mark.requirement(14)
@pytest.mark.parametrize("error", ["", "access_denied"])
def test_a_missing_iss_that_was_promised_is_refused(error: str) -> None:
    with pytest.raises(ResponseRefused) as caught:
        judge(None, promised=True, error=error)

    assert caught.value.code == "iss_missing"


@pytest.mark.requirement(15)
@pytest.mark.parametrize("error", ["", "access_denied"])
def test_another_iss_is_refused_though_none_was_promised(error: str) -> None:
    with pytest.raises(ResponseRefused) as caught:
        judge("https://evil.example", promised=False, error=error)

    assert caught.value.code == "iss_mismatch"


@pytest.mark.requirement(14)
def test_a_promise_without_a_known_issuer_is_refused() -> None:
    with pytest.raises(ResponseRefused):
        judge("https://anyone.example", promised=True, issuer="")


@pytest.mark.parametrize(("iss", "promised"), [(ISSUER, True), (ISSUER, False), (None, False)])
def test_the_right_iss_or_none_where_none_was_promised_passes(iss: str | None, promised: bool) -> None:
    assert judge(iss, promised=promised).startswith("x1848")


def test_an_error_of_the_right_issuer_is_read() -> None:
    with pytest.raises(AccessDenied):
        judge(ISSUER, promised=True, error="access_denied")
