"""Why attempts fail: the table of cases, and each cause brought about at a provider."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integrations.flows.attempt_cases import CASES, CAUSES
from integrations.flows.attempt_cause import Story, cause
from integrations.models import AuthorizationRequest, ClientRegistration
from tests.fakes.authorization_server import AuthorizationPageError
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import json_answer
from tests.flows.attempting import fails, last, why
from tests.flows.journey import Journey

NOW = datetime(2031, 3, 4, 12, 0, tzinfo=UTC)


def story(step: str, error: str, said: str = "", *, scope: str = "read write", separator: str = " ") -> Story:
    begin = {"step": "begin", "error": "", "facts": {"parameters": {"scope": scope}, "scope_separator": separator}}
    failed = {"step": step, "error": error, "facts": {"said": said}}
    return Story(
        outcome="failed",
        steps=[begin, {"step": "came_back", "error": "", "facts": {}}, failed],
        expires_at=NOW,
        redirect_uri="https://hub.example/callback/",
    )


@pytest.mark.parametrize(
    ("step", "error", "said", "expected"),
    [
        ("prepare", "registration_disabled", "", "switched_off"),
        ("prepare", "owner_inactive", "", "person_inactive"),
        ("prepare", "pkce_unsupported", "", "pkce_not_offered"),
        ("prepare", "client_secret_missing", "", "client_refused"),
        ("prepare", "key_unknown", "", "registration_broken"),
        ("prepare", "attempt_unknown", "", "sealing_key_changed"),
        ("state", "other_browser", "", "other_browser"),
        ("state", "other_user", "", "other_person"),
        ("state", "other_registration", "", "other_registration"),
        ("state", "attempt_expired", "", "too_late"),
        ("state", "attempt_unknown", "", "given_up"),
        ("state", "duplicate_parameter", "", "response_malformed"),
        ("response", "code_missing", "", "response_malformed"),
        ("response", "iss_missing", "", "wrong_issuer"),
        ("response", "iss_mismatch", "", "wrong_issuer"),
        ("response", "access_denied", "", "consent_denied"),
        ("response", "redirect_uri_mismatch", "", "redirect_uri_mismatch"),
        ("response", "invalid_request", "AADSTS50011: The reply URL does not match", "redirect_uri_mismatch"),
        ("response", "invalid_request", "PKCE is not supported for this client", "pkce_refused"),
        ("response", "invalid_request", "bad scope", "scope_refused"),
        ("response", "invalid_request", "something else", "request_refused"),
        ("response", "invalid_scope", "", "scope_refused"),
        ("response", "unauthorized_client", "", "client_not_allowed"),
        ("response", "temporarily_unavailable", "", "provider_away"),
        ("token", "invalid_client", "", "client_refused"),
        ("token", "invalid_request", "client_secret is missing", "client_refused"),
        ("token", "unauthorized_client", "", "client_not_allowed"),
        ("token", "invalid_grant", "redirect_uri did not match", "redirect_uri_mismatch"),
        ("token", "invalid_grant", "code_verifier is wrong", "pkce_refused"),
        ("token", "invalid_grant", "The code was already redeemed", "code_replayed"),
        ("token", "invalid_grant", "", "code_refused"),
        ("token", "unexpected_redirect", "", "token_endpoint_wrong"),
        ("token", "unreadable_response", "", "token_endpoint_wrong"),
        ("token", "timeout", "", "provider_away"),
        ("token", "tls_failed", "", "tls_failed"),
        ("token", "host_refused", "", "address_refused"),
        ("token", "invalid_target", "", "request_refused"),
        ("identity", "exp", "", "clock_skew"),
        ("identity", "iat", "", "clock_skew"),
        ("identity", "nbf", "", "clock_skew"),
        ("identity", "iss", "", "wrong_issuer"),
        ("identity", "aud", "", "wrong_audience"),
        ("identity", "nonce", "", "id_token_foreign"),
        ("identity", "signature", "", "id_token_unreadable"),
        ("identity", "sub_mismatch", "", "account_unknown"),
        ("identity", "rate_limited", "", "provider_away"),
        ("store", "other_account", "", "other_account"),
        ("store", "connection_gone", "", "connection_gone"),
        ("store", "crash", "OperationalError", "crash"),
        ("store", "nothing_known", "", "unexplained"),
    ],
)
def test_a_failed_step_has_a_likely_cause(step: str, error: str, said: str, expected: str) -> None:
    found = cause(story(step, error, said), now=NOW)

    assert found.code == expected
    assert found.sentence
    assert found.remedy
    assert "{" not in found.sentence + found.remedy


@pytest.mark.parametrize(
    ("scope", "separator", "expected"),
    [
        ("read,write", " ", "scope_delimiter"),
        ("read write", " ", "scope_refused"),
        ("read,write", ",", "scope_refused"),
    ],
)
def test_a_refused_scope_with_the_wrong_delimiter_is_told_apart(scope: str, separator: str, expected: str) -> None:
    assert cause(story("response", "invalid_scope", scope=scope, separator=separator), now=NOW).code == expected


def test_the_redirect_uri_to_register_is_named() -> None:
    assert "https://hub.example/callback/" in cause(story("response", "redirect_uri_mismatch"), now=NOW).remedy


@pytest.mark.parametrize(("now", "expected"), [(NOW - timedelta(seconds=1), "under_way"), (NOW, "never_came_back")])
def test_who_does_not_come_back(now: datetime, expected: str) -> None:
    unfinished = replace(story("begin", ""), outcome="begun")

    assert cause(unfinished, now=now).code == expected


def test_every_case_leads_to_a_cause_that_has_words_and_every_cause_has_a_case() -> None:
    reached = {case.cause for case in CASES}
    by_themselves = {"none", "granted_less", "under_way", "never_came_back", "came_back_twice", "scope_delimiter"}

    assert reached | by_themselves == {*CAUSES}


@pytest.mark.django_db
class TestAtAProvider:
    """The whole way: something is wrong, somebody tries to connect, the attempt says what it was."""

    def test_a_redirect_uri_that_is_not_registered_never_comes_back(self, journey: Journey) -> None:
        journey.server.add_client("https://elsewhere.example/")

        with pytest.raises(AuthorizationPageError):
            journey.server.authorize(journey.begin())

        found = why(last(), now=journey.clock.advance(minutes=11))
        assert found.code == "never_came_back"
        assert "/connections/callback/sandbox/" in found.remedy

    def test_another_browser(self, journey: Journey) -> None:
        fails(replace(journey, browser="another"), journey.server.authorize(journey.begin()))

        assert why(last(), now=journey.clock()).code == "other_browser"

    def test_another_issuer(self, journey: Journey) -> None:
        journey.server.conduct.iss = "https://another.example"
        fails(journey, journey.server.authorize(journey.begin()))

        assert why(last(), now=journey.clock()).code == "wrong_issuer"

    def test_a_wrong_authentication_method(self, journey: Journey) -> None:
        ClientRegistration.objects.update(token_endpoint_auth_method="client_secret_post")
        journey.registration.refresh_from_db()
        fails(journey, journey.server.authorize(journey.begin()))

        found = why(last(), now=journey.clock())
        assert found.code == "client_refused"
        assert "client_secret_post" in found.sentence

    def test_a_code_that_was_used_already(self, journey: Journey) -> None:
        answer = json_answer({"error": "invalid_grant", "error_description": "code already used"}, status=400)
        journey.server.misbehave("token", Behaviour.AS_GIVEN, answer=answer)
        fails(journey, journey.server.authorize(journey.begin()))

        assert why(last(), now=journey.clock()).code == "code_replayed"

    def test_clocks_that_differ(self, oidc_journey: Journey) -> None:
        oidc_journey.server.conduct.clock_skew = timedelta(minutes=10)
        fails(oidc_journey, oidc_journey.server.authorize(oidc_journey.begin()))

        assert why(last(), now=oidc_journey.clock()).code == "clock_skew"

    def test_an_id_token_of_another_tenant(self, oidc_journey: Journey) -> None:
        oidc_journey.server.conduct.id_token_claims = {"iss": "https://login.example/another-tenant"}
        fails(oidc_journey, oidc_journey.server.authorize(oidc_journey.begin()))

        assert why(last(), now=oidc_journey.clock()).code == "wrong_issuer"

    @pytest.mark.parametrize(
        ("error", "said", "expected"),
        [
            ("access_denied", "", "consent_denied"),
            ("invalid_request", "code_challenge is not known here", "pkce_refused"),
            ("invalid_scope", "", "scope_delimiter"),
        ],
    )
    def test_what_the_authorization_endpoint_says(self, journey: Journey, error: str, said: str, expected: str) -> None:
        ClientRegistration.objects.update(extra_scope="notes:read,notes:write")
        journey.registration.refresh_from_db()
        pairs = journey.server.authorize(journey.begin(), error=error, error_description=said)
        fails(journey, pairs)

        assert why(last(), now=journey.clock()).code == expected

    @pytest.mark.parametrize(
        ("behaviour", "expected"),
        [
            (Behaviour.HTML, "token_endpoint_wrong"),
            (Behaviour.REDIRECT, "token_endpoint_wrong"),
            (Behaviour.UNAVAILABLE, "provider_away"),
            (Behaviour.DROP_BEFORE_PROCESSING, "provider_away"),
        ],
    )
    def test_what_answers_at_the_token_endpoint(self, journey: Journey, behaviour: Behaviour, expected: str) -> None:
        pairs = journey.server.authorize(journey.begin())
        journey.server.misbehave("token", behaviour)
        fails(journey, pairs)

        assert why(last(), now=journey.clock()).code == expected

    def test_a_key_that_went_away_meanwhile(self, journey: Journey) -> None:
        pairs = journey.server.authorize(journey.begin())
        AuthorizationRequest.objects.update(sealed=b"nonsense")
        fails(journey, pairs)

        assert why(last(), now=journey.clock()).code == "sealing_key_changed"
