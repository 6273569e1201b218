"""RFC 6749 §4.1.1 and §4.1.2: the authorization request and what the browser brings back."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from integrations.oauth.errors import AccessDenied, AuthorizationFailed, Remedy, ResponseRefused
from integrations.oauth.server import Dialect
from tests.oauth.making import make_client

CODE = "SplxlOBeZQQYbYS6WxSbIA"
STATE = "xyz"


def parameters(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def authorization_url(dialect: Dialect | None = None, **changes: object) -> dict[str, str]:
    arguments: dict[str, object] = {"state": STATE, "code_challenge": "c" * 43, "nonce": None, "scope": frozenset()}
    client = make_client(dialect=dialect)
    return parameters(client.authorization_url(**{**arguments, **changes}))  # type: ignore[arg-type]


def test_the_example_of_section_4_1_1() -> None:
    sent = authorization_url()

    assert sent == {
        "response_type": "code",
        "client_id": "s6BhdRkqt3",
        "state": "xyz",
        "redirect_uri": "https://client.example.com/cb",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }


def test_scope_is_sorted_and_joined_and_nonce_is_sent_with_openid() -> None:
    sent = authorization_url(scope=frozenset({"profile", "openid"}), nonce="n-0S6_WzA2Mj")

    assert (sent["scope"], sent["nonce"]) == ("openid profile", "n-0S6_WzA2Mj")


def test_a_query_of_the_endpoint_is_kept() -> None:
    client = make_client(server={"authorization_endpoint": "https://server.example.com/authorize?tenant=a"})

    url = client.authorization_url(state=STATE, code_challenge="c" * 43, nonce=None, scope=frozenset())

    assert url.startswith("https://server.example.com/authorize?tenant=a&response_type=code&")


@pytest.mark.requirement(21)
def test_extra_parameters_do_not_replace_those_that_protect() -> None:
    hostile = {
        "state": "s",
        "redirect_uri": "https://evil.example/",
        "client_id": "x",
        "code_challenge_method": "plain",
    }

    sent = authorization_url(extra={**hostile, "login_hint": "a@b.example"})

    assert sent["state"] == STATE
    assert sent["redirect_uri"] == "https://client.example.com/cb"
    assert sent["client_id"] == "s6BhdRkqt3"
    assert sent["code_challenge_method"] == "S256"
    assert sent["login_hint"] == "a@b.example"


def test_a_dialect_renames_drops_joins_and_adds() -> None:
    dialect = Dialect(
        scope_separator=",",
        user_scope_parameter="user_scope",
        authorization_parameters={"audience": "api"},
        offline_parameters={"access_type": "offline", "prompt": "consent"},
        incremental_parameters={"include_granted_scopes": "true"},
        parameter_names={"client_id": "client_key", "response_type": "", "state": "payload"},
    )

    sent = authorization_url(dialect, scope=frozenset({"b", "a"}), incremental=True)

    assert sent["user_scope"] == "a,b"
    assert sent["client_key"] == "s6BhdRkqt3"
    assert sent["payload"] == STATE
    assert (sent["audience"], sent["access_type"], sent["include_granted_scopes"]) == ("api", "offline", "true")
    assert not {"scope", "response_type", "client_id", "state"} & sent.keys()


def test_offline_and_incremental_parameters_are_sent_when_wanted_only() -> None:
    dialect = Dialect(offline_parameters={"access_type": "offline"}, incremental_parameters={"more": "1"})

    assert not {"access_type", "more"} & authorization_url(dialect, offline=False).keys()


def test_an_empty_scope_is_left_out_unless_the_provider_needs_it() -> None:
    assert "scope" not in authorization_url()
    assert authorization_url(Dialect(empty_scope_sent=True))["scope"] == ""


def judge(*pairs: tuple[str, str], matches: bool = True, dialect: Dialect | None = None, **server: object) -> str:
    client = make_client(dialect=dialect, server=server)
    return client.judge_authorization_response(pairs, expected_state_matches=matches)


def refusal(*pairs: tuple[str, str], matches: bool = True) -> str:
    with pytest.raises(ResponseRefused) as caught:
        judge(*pairs, matches=matches)
    assert caught.value.remedy is Remedy.REAUTHORIZE
    return caught.value.code


def test_the_example_of_section_4_1_2() -> None:
    assert judge(("code", CODE), ("state", STATE)) == CODE


@pytest.mark.requirement(2)
@pytest.mark.parametrize("pairs", [[("code", CODE)], [("code", CODE), ("state", "")], [("error", "access_denied")]])
def test_a_response_without_state_is_refused(pairs: list[tuple[str, str]]) -> None:
    assert refusal(*pairs) == "state_missing"


@pytest.mark.requirement(2)
@pytest.mark.parametrize("pair", [("code", CODE), ("error", "access_denied")])
def test_a_response_with_another_state_is_refused(pair: tuple[str, str]) -> None:
    assert refusal(pair, ("state", STATE), matches=False) == "state_mismatch"


@pytest.mark.requirement(16)
@pytest.mark.parametrize(
    "pair",
    [("code", CODE), ("code", "another"), ("state", STATE), ("iss", "https://server.example.com"), ("session", "1")],
)
def test_a_repeated_parameter_is_refused(pair: tuple[str, str]) -> None:
    pairs = {"code": CODE, "state": STATE, "iss": "https://server.example.com", "session": "1"}

    assert refusal(*pairs.items(), pair) == "duplicate_parameter"


@pytest.mark.requirement(17)
@pytest.mark.parametrize(
    ("error", "expected"),
    [("access_denied", AccessDenied), ("server_error", AuthorizationFailed), ("", AuthorizationFailed)],
)
def test_an_error_wins_over_a_code(error: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        judge(("code", CODE), ("state", STATE), ("error", error))


@pytest.mark.requirement(18)
def test_tokens_in_the_front_channel_are_not_taken() -> None:
    tokens = [("access_token", "at"), ("id_token", "a.b.c"), ("refresh_token", "rt"), ("token_type", "bearer")]

    assert refusal(("state", STATE), *tokens) == "code_missing"
    assert judge(("code", CODE), ("state", STATE), *tokens) == CODE


@pytest.mark.parametrize("code", ["", "a\r\nb", "ü", "x" * 10_000])
def test_a_code_that_cannot_be_one_is_refused(code: str) -> None:
    assert refusal(("code", code), ("state", STATE)) in {"code_missing", "code_malformed"}


def test_the_code_and_state_may_have_other_names() -> None:
    dialect = Dialect(parameter_names={"code": "spapi_oauth_code", "state": "payload"})

    assert judge(("spapi_oauth_code", CODE), ("payload", STATE), dialect=dialect) == CODE


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("invalid_request", Remedy.OPERATOR),
        ("unauthorized_client", Remedy.OPERATOR),
        ("unsupported_response_type", Remedy.OPERATOR),
        ("invalid_scope", Remedy.OPERATOR),
        ("server_error", Remedy.RETRY),
        ("temporarily_unavailable", Remedy.RETRY),
        ("login_required", Remedy.REAUTHORIZE),
        ("something_else", Remedy.REAUTHORIZE),
    ],
)
def test_an_error_of_section_4_1_2_1_says_who_acts(error: str, remedy: Remedy) -> None:
    with pytest.raises(AuthorizationFailed) as caught:
        judge(("error", error), ("state", STATE), ("error_description", "why"))

    assert (caught.value.code, caught.value.remedy, caught.value.description) == (error, remedy, "why")


def test_a_denial_in_the_providers_own_words_is_a_denial() -> None:
    dialect = Dialect(errors={"user_cancelled_login": "access_denied"})

    with pytest.raises(AccessDenied):
        judge(("error", "user_cancelled_login"), ("state", STATE), dialect=dialect)


@pytest.mark.requirement(47)
def test_the_providers_words_are_made_harmless_and_short() -> None:
    hostile = "<script>\x00\x1b[31m\r\nSet-Cookie: a\u202e\u2066\u200b" + "x" * 5_000

    with pytest.raises(AuthorizationFailed) as caught:
        judge(("error", "x<script>" + "y" * 500), ("state", STATE), ("error_description", hostile))

    error = caught.value
    assert len(error.description) <= 200
    assert error.description.isprintable()
    assert "\u202e" not in error.description
    assert len(error.code) <= 64
    assert "<" not in error.code
