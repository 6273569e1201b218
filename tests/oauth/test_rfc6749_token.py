"""RFC 6749 §5.1: the token response, as it should be and as it comes."""

import json
from typing import Any

import pytest

from integrations.oauth.errors import (
    ProviderUnavailable,
    Remedy,
)
from integrations.oauth.server import Dialect
from integrations.oauth.token import LIFETIME_LIMIT_SECONDS, TokenResponse
from tests.oauth.judging import GOOD, judged, refusal
from tests.oauth.making import make_response

EXAMPLE: dict[str, Any] = {
    "access_token": "2YotnFZFEjr1zCsicMWpAA",
    "token_type": "example",
    "expires_in": 3600,
    "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
    "example_parameter": "example_value",
}


def test_the_example_of_section_5_1() -> None:
    token = judged(EXAMPLE, dialect=Dialect(token_types=frozenset({"example"})))

    assert token == TokenResponse(
        access_token="2YotnFZFEjr1zCsicMWpAA",
        token_type="example",
        expires_in=3600,
        refresh_token="tGzv3JOkF0XG5Qx2TlKWIA",
    )


def test_a_201_and_a_byte_order_mark_are_accepted() -> None:
    assert judged(status=201).access_token == "at-canary-1"
    assert judged(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()).access_token == "at-canary-1"


@pytest.mark.requirement(36)
@pytest.mark.parametrize("spelling", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_token_type_is_compared_without_case(spelling: str) -> None:
    assert judged({**GOOD, "token_type": spelling}).token_type == "bearer"


@pytest.mark.requirement(36)
@pytest.mark.parametrize("token_type", [None, "", "mac", "DPoP", "N_A", 1, ["bearer"], "bearer "])
def test_a_token_type_that_was_not_asked_for_is_refused(token_type: object) -> None:
    error = refusal(make_response({**GOOD, "token_type": token_type}))

    assert isinstance(error, ProviderUnavailable)


@pytest.mark.requirement(36)
def test_bearer_is_refused_where_dpop_was_asked_for() -> None:
    dpop = Dialect(token_types=frozenset({"dpop"}))

    assert judged({**GOOD, "token_type": "DPoP"}, dialect=dpop).token_type == "dpop"
    assert refusal(make_response(GOOD), dialect=dpop).remedy is Remedy.RETRY


@pytest.mark.requirement(36)
@pytest.mark.parametrize("token", [None, "", " ", 7, True, ["a"], {"a": 1}, "a\r\nX: y", "a\x00", "ümlaut"])
def test_a_response_without_a_usable_access_token_is_refused(token: object) -> None:
    assert isinstance(refusal(make_response({**GOOD, "access_token": token})), ProviderUnavailable)


@pytest.mark.requirement(36)
def test_a_missing_member_is_refused_and_a_dialect_may_do_without_token_type() -> None:
    assert isinstance(refusal(make_response({"token_type": "bearer"})), ProviderUnavailable)
    assert isinstance(refusal(make_response({"access_token": "a"})), ProviderUnavailable)
    assert judged({"access_token": "a"}, dialect=Dialect(token_type_optional=True)).token_type == "bearer"


@pytest.mark.requirement(37)
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3600", 3600),
        ('"3600"', 3600),
        ('" 3600 "', 3600),
        ("3599.9", 3599),
        ('"3599.9"', 3599),
        ("36e2", 3600),
        ("0", 0),
        ("-1", 0),
        ('"-5"', 0),
        ("-1e999", 0),
        ("1e999", LIFETIME_LIMIT_SECONDS),
        ("99999999999", LIFETIME_LIMIT_SECONDS),
        ("9" * 50, LIFETIME_LIMIT_SECONDS),
        ("9" * 5_000, LIFETIME_LIMIT_SECONDS),
        ('"' + "9" * 5_000 + '"', LIFETIME_LIMIT_SECONDS),
        ("Infinity", None),
        ("NaN", None),
        ('"NaN"', None),
        ('"soon"', None),
        ('""', None),
        ("null", None),
        ("true", None),
        ("false", None),
        ("[3600]", None),
        ('{"seconds": 3600}', None),
    ],
)
def test_whatever_expires_in_is_the_token_is_kept(written: str, seconds: int | None) -> None:
    body = f'{{"access_token": "a", "token_type": "bearer", "expires_in": {written}}}'.encode()

    assert judged(body).expires_in == seconds


@pytest.mark.requirement(37)
def test_an_absent_expires_in_is_unknown_or_what_the_dialect_knows() -> None:
    assert judged().expires_in is None
    assert judged(dialect=Dialect(default_expires_in=7200)).expires_in == 7200
    assert judged({**GOOD, "expires_in": 60}, dialect=Dialect(default_expires_in=7200)).expires_in == 60
    assert judged({**GOOD, "expires_in": 0}, dialect=Dialect(default_expires_in=7200)).expires_in == 0


def test_milliseconds_and_the_lifetime_of_the_refresh_token() -> None:
    body = {**GOOD, "expires_in": "3600000", "refresh_expires_in": 7200000}
    token = judged(body, dialect=Dialect(expires_in_unit="milliseconds"))

    assert (token.expires_in, token.refresh_expires_in) == (3600, 7200)
    assert judged({**GOOD, "refresh_expires_in": 0}).refresh_expires_in is None
    assert judged(dialect=Dialect(refresh_expires_in=100)).refresh_expires_in == 100


@pytest.mark.requirement(38)
def test_unknown_members_are_ignored_and_appear_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    token = judged({**GOOD, "secret_extension": "canary-secret", "nested": {"deep": ["canary-secret"]}})

    assert "canary" not in repr(token)
    assert dict(token.extra) == {}
    assert caplog.text == ""


@pytest.mark.parametrize("value", ["", None, 5, ["x"], "a\nb"])
def test_a_refresh_token_that_cannot_be_one_is_none(value: object) -> None:
    token = judged({**GOOD, "refresh_token": value, "id_token": value})

    assert (token.refresh_token, token.id_token) == (None, None)


def test_kept_paths_are_kept_and_members_are_found_where_the_dialect_says() -> None:
    slack = Dialect(
        token_paths={"access_token": "authed_user.access_token|access_token", "scope": "authed_user.scope"},
        kept_paths={"team": "team.id", "missing": "team.name", "object": "team"},
        token_types=frozenset({"user"}),
        success_path="ok",
    )
    body = {
        "ok": True,
        "token_type": "user",
        "authed_user": {"access_token": "xoxp-1", "scope": "a,b"},
        "team": {"id": "T1"},
    }

    token = judged(body, dialect=slack)

    assert token.access_token == "xoxp-1"
    assert token.scope == frozenset({"a", "b"})
    assert dict(token.extra) == {"team": "T1"}
    assert judged({**GOOD, "token_type": "user"}, dialect=slack).access_token == "at-canary-1"


@pytest.mark.requirement(44)
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
def test_a_form_encoded_response_is_read(content_type: str) -> None:
    body = b"access_token=gho_16C7e42F292c6912E7710c838347Ae178B4a&scope=repo%2Cgist&token_type=bearer&expires_in=5"

    token = judged(body, content_type=content_type)

    assert token.access_token == "gho_16C7e42F292c6912E7710c838347Ae178B4a"
    assert (token.scope, token.expires_in) == (frozenset({"repo", "gist"}), 5)


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/x-www-form-urlencoded", ""])
def test_json_under_another_name_is_still_json(content_type: str) -> None:
    assert judged(content_type=content_type).access_token == "at-canary-1"


@pytest.mark.requirement(98)
def test_a_token_response_does_not_show_its_tokens() -> None:
    token = judged({**GOOD, "refresh_token": "rt-canary", "id_token": "it-canary"})

    assert "canary" not in repr(token)
