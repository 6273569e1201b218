"""What a check-up finds of metadata, endpoints, clocks and scope."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from integrations.flows.check_finding import Level
from integrations.models import ClientRegistration
from tests.clock import Clock
from tests.factories import make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import Outgoing
from tests.flows.checking import change, check, codes, one

pytestmark = pytest.mark.django_db


@pytest.mark.requirement(60)
@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"issuer": "https://another.example"}, "issuer_mismatch"),
        ({"token_endpoint": None}, "metadata_unusable"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "address_refused"),
        ({"code_challenge_methods_supported": ["plain"]}, "pkce_not_offered"),
        ({"scopes_supported": ["openid"]}, "scope_not_listed"),
    ],
)
def test_metadata_that_does_not_fit(
    oidc: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    clock: Clock,
    metadata: dict[str, object],
    code: str,
) -> None:
    provider_server.conduct.metadata = metadata

    assert code in codes(check(oidc, clock))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Outgoing(status=404), "metadata_missing"),
        (Outgoing(status=503), "metadata_unavailable"),
        (Outgoing(body=b"[1]"), "metadata_unavailable"),
    ],
)
def test_metadata_that_is_not_there(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock, answer: Outgoing, code: str
) -> None:
    provider_server.misbehave("metadata", Behaviour.AS_GIVEN, times=None, answer=answer)

    checked = check(oidc, clock)

    assert one(checked, code).level is Level.FAILURE
    assert "client_accepted" in codes(checked)


@pytest.mark.requirement(61)
def test_an_endpoint_that_moved_is_told_and_not_followed_with_the_secret(
    oidc: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    second_provider_server: FakeAuthorizationServer,
    clock: Clock,
) -> None:
    elsewhere = second_provider_server.endpoint("token")
    provider_server.conduct.metadata = {"token_endpoint": elsewhere}

    checked = check(oidc, clock)

    assert elsewhere in one(checked, "metadata_moved").sentence
    assert second_provider_server.requests() == []
    assert "client_accepted" in codes(checked)
    oidc.refresh_from_db()
    assert oidc.metadata["token_endpoint"] == provider_server.endpoint("token")


@pytest.mark.parametrize(
    ("endpoint", "answer", "code"),
    [
        ("userinfo", Outgoing(status=404), "endpoint_not_found"),
        ("revoke", Outgoing(status=500), "endpoint_failing"),
        ("introspect", Outgoing(status=429), "endpoint_busy"),
        ("token", Outgoing(status=302, headers={"Location": "/elsewhere"}), "endpoint_redirects"),
        ("jwks", Outgoing(body=b'{"keys": []}'), "keys_unusable"),
    ],
)
def test_endpoints_that_are_not_as_they_should_be(
    oidc: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    clock: Clock,
    endpoint: str,
    answer: Outgoing,
    code: str,
) -> None:
    provider_server.misbehave(endpoint, Behaviour.AS_GIVEN, times=None, answer=answer)

    assert code in codes(check(oidc, clock))


def test_an_endpoint_that_hangs_up_is_unreachable(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    provider_server.misbehave("userinfo", Behaviour.DROP_BEFORE_PROCESSING, times=None)

    finding = one(check(oidc, clock), "endpoint_unreachable")

    assert (finding.about, finding.level) == ("userinfo_endpoint", Level.FAILURE)


def test_nobody_listening_is_told_once_for_the_host_and_its_endpoints_are_left_out(clock: Clock) -> None:
    checked = check(make_registration(), clock)

    assert codes(checked).count("connection_failed") == 1
    assert codes(checked).count("endpoint_not_checked") == 5


@pytest.mark.parametrize(
    ("skew", "code", "level"),
    [
        (timedelta(seconds=2), "provider_clock_ok", Level.OK),
        (timedelta(seconds=-20), "provider_clock_near", Level.WARNING),
        (timedelta(minutes=4), "provider_clock_off", Level.FAILURE),
        (timedelta(minutes=-4), "provider_clock_off", Level.FAILURE),
    ],
)
def test_clocks_that_differ(
    oidc: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    clock: Clock,
    skew: timedelta,
    code: str,
    level: Level,
) -> None:
    provider_server.conduct.clock_skew = skew

    finding = one(check(oidc, clock), code)

    assert finding.level is level
    if level is not Level.OK:
        assert ("ahead of" if skew > timedelta() else "behind") in finding.sentence


def test_a_provider_without_a_clock_is_no_failure(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    provider_server.conduct.says_date = False

    assert one(check(oidc, clock), "provider_clock_unknown").level is Level.UNKNOWN


def test_a_date_that_a_cache_kept_is_counted_on_by_its_age(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    provider_server.conduct.says_date = False
    old = {"Date": format_datetime(clock() - timedelta(hours=1), usegmt=True), "Age": "3600"}
    provider_server.misbehave("jwks", Behaviour.AS_GIVEN, answer=Outgoing(headers=old, body=b"{}"))

    assert "provider_clock_ok" in codes(check(oidc, clock))


@pytest.mark.parametrize(
    ("extra_scope", "code"),
    [
        ("notes:read,notes:write", "scope_delimiter"),
        ("notes:read  notes:write", "scope_blank"),
        ("notes:read notes:read", "scope_repeated"),
        ("openid", "scope_repeated"),
        ('notes:"read"', "scope_malformed"),
    ],
)
def test_scope_that_is_not_well_formed(oidc: ClientRegistration, clock: Clock, extra_scope: str, code: str) -> None:
    change(oidc, extra_scope=extra_scope)

    checked = check(oidc, clock)

    assert code in codes(checked)
    assert "scope_ok" not in codes(checked)
