"""What a check-up finds out about our client at the provider: accepted or not, and nothing secret in what it says."""

from dataclasses import asdict

import pytest

from integrations import vault
from integrations.flows import check_client
from integrations.flows.check_finding import Level
from integrations.flows.clients import client_for
from integrations.models import ClientRegistration, Connection, Event
from integrations.oauth.message import Response
from tests.canaries import every_row, leaks
from tests.clock import Clock
from tests.factories import CLIENT_SECRET, make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import json_answer
from tests.flows.checking import change, check, codes, one
from tests.leaks.passing import secrets_of

pytestmark = pytest.mark.django_db


def test_what_is_asked_is_harmless_and_carries_no_credentials_but_to_the_token_endpoint(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    rows = sorted(every_row())
    provider_server.forget_requests()

    check(oidc, clock)

    for request in provider_server.requests():
        if request.endpoint == "token":
            assert request.form["code"] == "check-up-of-the-hub-not-a-code"
            continue
        assert request.query == ()
        assert request.body == b""
        assert "authorization" not in request.headers
    assert provider_server.memory.secrets_issued() == []
    assert sorted(every_row()) == rows
    assert not Connection.objects.exists()
    assert not Event.objects.exclude(kind=Event.Kind.REGISTERED).exists()


@pytest.mark.requirement(98)
def test_nothing_secret_is_in_what_was_found(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    echo = {"error": CLIENT_SECRET, "error_description": f"not good: {CLIENT_SECRET}"}
    found = [str(asdict(check(oidc, clock)))]
    for endpoint in ("token", "userinfo", "metadata", "jwks"):
        provider_server.misbehave(endpoint, Behaviour.AS_GIVEN, times=None, answer=json_answer(echo, status=400))
        found.append(str(asdict(check(oidc, clock))))

    secrets = secrets_of(provider_server)
    assert len(secrets) >= 4
    assert leaks("\n".join(found), secrets) == []


@pytest.mark.requirement(98)
def test_a_secret_that_looks_like_an_error_code_is_not_repeated(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    vault.seal_client_secret(oidc, "kept_between_us")
    oidc.save()
    answer = json_answer({"error": "kept_between_us"}, status=400)
    provider_server.misbehave("token", Behaviour.AS_GIVEN, times=None, answer=answer)

    assert "kept_between_us" not in str(asdict(check(oidc, clock)))


@pytest.mark.parametrize(
    ("error", "status", "code", "level"),
    [
        ("invalid_grant", 400, "client_accepted", Level.OK),
        ("invalid_client", 401, "client_refused", Level.FAILURE),
        ("unauthorized_client", 400, "client_not_allowed", Level.FAILURE),
        ("unsupported_grant_type", 400, "client_not_allowed", Level.FAILURE),
        ("redirect_uri_mismatch", 400, "redirect_uri_refused", Level.FAILURE),
        ("invalid_request", 400, "client_undecided", Level.UNKNOWN),
        ("temporarily_unavailable", 400, "client_undecided", Level.UNKNOWN),
        ("something_new", 200, "client_undecided", Level.UNKNOWN),
    ],
)
def test_what_the_provider_says_of_a_made_up_code_tells_what_it_thinks_of_us(
    oidc: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    clock: Clock,
    error: str,
    status: int,
    code: str,
    level: Level,
) -> None:
    provider_server.misbehave("token", Behaviour.AS_GIVEN, answer=json_answer({"error": error}, status=status))

    finding = one(check(oidc, clock), code)

    assert finding.level is level
    assert error in finding.sentence


@pytest.mark.parametrize(
    ("provider", "document", "code"),
    [
        ("github", {"error": "bad_verification_code"}, "client_accepted"),
        ("github", {"error": "incorrect_client_credentials"}, "client_refused"),
        ("github", {"error": "redirect_uri_mismatch"}, "redirect_uri_refused"),
        ("github", {"error": "application_suspended"}, "client_not_allowed"),
        ("slack", {"ok": False, "error": "invalid_code"}, "client_accepted"),
        ("slack", {"ok": False, "error": "bad_client_secret"}, "client_refused"),
        ("slack", {"ok": False, "error": "bad_redirect_uri"}, "redirect_uri_refused"),
        ("slack", {"ok": False}, "client_undecided"),
    ],
)
def test_errors_that_come_with_200_are_read_by_the_catalogues_map(
    provider: str, document: dict[str, object], code: str
) -> None:
    registration = make_registration(provider=provider, variables={})
    client = client_for(registration, {})
    answer = Response(status=200, headers={"content-type": "application/json"}, body=json_answer(document).body)

    finding = check_client.judge(answer, client)

    assert finding.code == code


@pytest.mark.parametrize("behaviour", [Behaviour.HTML, Behaviour.SERVER_ERROR, Behaviour.DROP_BEFORE_PROCESSING])
def test_an_answer_that_says_nothing_leaves_it_open(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock, behaviour: Behaviour
) -> None:
    provider_server.misbehave("token", behaviour)

    assert one(check(oidc, clock), "client_undecided").level is Level.UNKNOWN


def test_a_token_for_a_made_up_code_is_thrown_away_and_told(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    token = {"access_token": "canary-access-token", "token_type": "Bearer"}
    provider_server.misbehave("token", Behaviour.AS_GIVEN, answer=json_answer(token))

    checked = check(oidc, clock)

    assert one(checked, "made_up_code_taken").level is Level.WARNING
    assert leaks(str(asdict(checked)) + "".join(every_row()), ["canary-access-token"]) == []


def test_a_wrong_secret_and_a_wrong_method_are_told_apart_from_a_good_client(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    vault.seal_client_secret(oidc, "another secret")
    oidc.save()
    assert one(check(oidc, clock), "client_refused").level is Level.FAILURE

    vault.seal_client_secret(oidc, CLIENT_SECRET)
    oidc.token_endpoint_auth_method = "client_secret_post"
    oidc.save()
    provider_server.conduct.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    checked = check(oidc, clock)

    assert "client_secret_post" in one(checked, "auth_method_not_listed").sentence
    assert "client_refused" in codes(checked)


def test_a_secret_that_is_missing_or_cannot_be_opened(oidc: ClientRegistration, clock: Clock) -> None:
    change(oidc, sealed_client_secret=None)
    assert "secret_missing" in codes(check(oidc, clock))

    change(oidc, sealed_client_secret=b"nonsense")
    checked = check(oidc, clock)

    assert one(checked, "secret_unreadable").level is Level.FAILURE
    assert "metadata_ok" in codes(checked)


@pytest.mark.parametrize(("methods", "code"), [(("S256",), "pkce_unused"), ((), "pkce_switched_off")])
def test_pkce_that_an_operator_switched_off(
    oidc: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    clock: Clock,
    methods: tuple[str, ...],
    code: str,
) -> None:
    provider_server.conduct.code_challenge_methods = methods
    change(oidc, without_pkce=True)

    assert one(check(oidc, clock), code).level is Level.WARNING
