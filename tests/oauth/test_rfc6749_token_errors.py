"""RFC 6749 §5.2: errors of the token endpoint, and answers that are none."""

import pytest

from integrations.oauth.errors import (
    InvalidClient,
    InvalidGrant,
    OAuthError,
    ProviderUnavailable,
    Remedy,
    RequestRefused,
)
from integrations.oauth.server import Dialect
from tests.oauth.judging import GOOD, refusal
from tests.oauth.making import make_response


@pytest.mark.requirement(44, 73)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b"<html>error=invalid_grant</html>", "text/html", id="html"),
        pytest.param(b"{", "application/json", id="truncated"),
        pytest.param(b'["invalid_grant"]', "application/json", id="list"),
        pytest.param(b'"invalid_grant"', "application/json", id="text"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b"\xff\xfe{\x00}\x00", "application/json", id="utf-16"),
        pytest.param(b"[" * 100_000, "application/json", id="deep"),
        pytest.param(b"invalid_grant", "text/plain", id="words"),
        pytest.param(b"error=a&error=invalid_grant", "text/plain", id="form repeats"),
        pytest.param(b"a=%ff", "application/x-www-form-urlencoded", id="form without meaning"),
        pytest.param(b'{"error": {"code": "invalid_grant"}}', "application/json", id="error object"),
        pytest.param(b'{"error": ["invalid_grant"]}', "application/json", id="error list"),
        pytest.param(b'{"error": "boom"}', "application/json", id="unknown error"),
        pytest.param(b'{"error": "a", "error": "invalid_grant"}', "application/json", id="repeated member"),
    ],
)
def test_what_cannot_be_understood_never_costs_a_grant(status: int, body: bytes, content_type: str) -> None:
    error = refusal(make_response(body, status=status, content_type=content_type))

    assert isinstance(error, ProviderUnavailable)
    assert (error.code, error.remedy) == ("unreadable_response", Remedy.RETRY)


@pytest.mark.requirement(44)
def test_a_repeated_member_is_refused_even_in_a_good_response() -> None:
    body = b'{"access_token": "a", "access_token": "b", "token_type": "bearer"}'

    assert refusal(make_response(body)).code == "unreadable_response"
    form = make_response(b"access_token=a&access_token=b&token_type=bearer", content_type="text/plain")
    assert refusal(form).code == "unreadable_response"


@pytest.mark.requirement(46, 34)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 100])
def test_a_redirect_is_not_a_token_response(status: int) -> None:
    error = refusal(make_response(GOOD, status=status, location="https://evil.example/"))

    assert (error.code, error.remedy) == ("unexpected_redirect", Remedy.RETRY)


@pytest.mark.parametrize("status", [400, 401, 403, 200])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_grant", InvalidGrant),
        ("invalid_client", InvalidClient),
        ("unauthorized_client", InvalidClient),
        ("invalid_request", RequestRefused),
        ("invalid_scope", RequestRefused),
        ("unsupported_grant_type", RequestRefused),
        ("temporarily_unavailable", ProviderUnavailable),
        ("slow_down", ProviderUnavailable),
    ],
)
@pytest.mark.requirement(44, 72, 74)
def test_an_error_of_section_5_2_is_read_whatever_the_status(status: int, code: str, kind: type[OAuthError]) -> None:
    error = refusal(make_response({"error": code, "error_description": "why", **GOOD}, status=status))

    assert type(error) is kind
    assert (error.code, error.description) == (code, "why")


@pytest.mark.requirement(73)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_overload_says_nothing_about_the_grant(status: int) -> None:
    error = refusal(make_response({"error": "invalid_grant"}, status=status, retry_after="120"))

    assert isinstance(error, ProviderUnavailable)
    assert error.code == ("rate_limited" if status == 429 else "server_error")
    assert error.retry_after == 120


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("0", "", 0),
        ("120", "", 120),
        ("999999999999999999999", "", 86_400),
        ("-5", "", None),
        ("soon", "", None),
        ("٣", "", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:57:59 GMT", 120),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "Sat, 01 Jan 2000 23:57:59 GMT", 0),
        ("Fri, 31 Dec 2099 23:59:59 GMT", "Sat, 01 Jan 2000 23:57:59 GMT", 86_400),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "", None),
        ("Fri, 31 Dec 1999 23:59:59", "Fri, 31 Dec 1999 23:57:59 GMT", None),
        ("", "", None),
    ],
)
def test_retry_after_is_read_from_seconds_or_a_date(value: str, date: str, seconds: int | None) -> None:
    assert refusal(make_response(b"", status=503, retry_after=value, date=date)).retry_after == seconds


def test_a_dialect_maps_errors_paths_and_success() -> None:
    github = Dialect(errors={"bad_verification_code": "invalid_grant"})
    slack = Dialect(success_path="ok", errors={"invalid_refresh_token": "invalid_grant"})
    nested = Dialect(error_path="error.type", error_description_path="error.message")

    assert isinstance(refusal(make_response({"error": "bad_verification_code"}), dialect=github), InvalidGrant)
    assert isinstance(
        refusal(make_response({"ok": False, "error": "invalid_refresh_token"}), dialect=slack), InvalidGrant
    )
    assert isinstance(refusal(make_response({"ok": False, **GOOD}), dialect=slack), ProviderUnavailable)
    body = {"error": {"type": "invalid_client", "message": "who?"}}
    assert refusal(make_response(body, status=401), dialect=nested).description == "who?"


@pytest.mark.requirement(47, 98)
def test_the_providers_words_are_harmless_short_and_without_the_secret() -> None:
    refresh_token = "8xLOxBtZp8Kc0tGzv3JOkF0XG5Qx2TlKWIA"
    trace = "31c1b1a5-12ab-4cd3-9fe0-0123456789ab"
    said = f"The token {refresh_token} is bad\x00\r\n\u202e<b> Trace ID: {trace} " + "z" * 3_000

    error = refusal(make_response({"error": "invalid_grant", "error_description": said}, status=400))

    assert refresh_token not in f"{error} {error!r} {error.args}"
    assert error.description.startswith(f"The token [redacted] is bad <b> Trace ID: {trace} z")
    assert len(error.description) == 200
    assert error.description.isprintable()
