"""A check-up finds what is wrong with a registration, says what to do about it, and harms nobody."""

from dataclasses import asdict

import pytest
from pytest_django import Settings

from integrations.flows import check_registration
from integrations.flows.check_finding import MEANINGS, Level
from integrations.flows.check_registration import Options, check_many
from integrations.flows.clients import redirect_uri
from integrations.models import ClientRegistration
from integrations.oauth.address import AddressPolicy
from integrations.oauth.transport import Transport
from integrations.providers import VariableRefused
from tests.clock import Clock
from tests.factories import make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_helpdesk, register_oauth2
from tests.flows.checking import check, codes, one

pytestmark = pytest.mark.django_db


def test_a_registration_that_is_right_has_no_failure_and_no_unknown(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    provider_server.conduct.metadata = {
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }

    checked = check(oidc, clock)

    assert checked.level is Level.OK
    assert {"metadata_ok", "client_accepted", "pkce_ok", "auth_method_ok", "keys_ok", "scope_ok"} <= {*codes(checked)}
    assert {"host_on_loopback", "provider_clock_ok", "redirect_uri"} <= {*codes(checked)}
    assert redirect_uri(oidc) in one(checked, "redirect_uri").sentence
    asked = [finding.about for finding in checked.findings if finding.code == "endpoint_ok"]
    assert {"authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"} <= {*asked}


@pytest.mark.requirement(124, 125, 126)
@pytest.mark.parametrize("leads_to", ["10.0.0.8", "127.0.0.1", "169.254.169.254", "::1"])
def test_a_private_address_is_refused_at_every_step_whether_anything_listens_there_or_not(
    provider_server: FakeAuthorizationServer, clock: Clock, leads_to: str
) -> None:
    registration = make_registration(provider="github", variables={})
    inside = Transport(AddressPolicy(), resolve=lambda host, port: [leads_to])

    checked = check(registration, clock, transport=inside)

    assert codes(checked).count("address_refused") == 2
    assert "client_accepted" not in codes(checked)
    shown = [asdict(finding) for finding in checked.findings if finding.code != "redirect_uri"]
    assert leads_to not in str(shown)
    assert provider_server.requests() == []


@pytest.mark.requirement(124)
def test_the_policy_of_the_hub_holds_for_check_ups(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock, settings: Settings
) -> None:
    provider_server.forget_requests()
    settings.HUB_OUTBOUND_ALLOWED_HOSTS = ()

    checked = check(oidc, clock)

    assert codes(checked).count("address_refused") == 2
    assert provider_server.requests() == []


def test_what_depends_on_a_person_is_named_and_checked_when_an_answer_is_given(
    provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    registration = register_helpdesk(provider_server)

    without, with_answer = check(registration, clock), check(registration, clock, variables={"desk": "acme"})

    assert "token_endpoint" in one(without, "variables_needed").sentence
    assert "--variable desk=" in one(without, "variables_needed").remedy
    assert "client_accepted" in codes(with_answer)
    assert "variables_needed" not in codes(with_answer)


def test_answers_that_do_not_fit_or_that_nobody_asks_for(provider_server: FakeAuthorizationServer) -> None:
    registration = register_helpdesk(provider_server)

    with pytest.raises(VariableRefused):
        check_registration.check_answers([registration], {"desk": "evil.example/"})
    with pytest.raises(LookupError):
        check_registration.check_answers([registration], {"nonsense": "x"})


def test_registrations_that_do_not_fit_the_catalogue(clock: Clock) -> None:
    assert codes(check(make_registration(provider="gone"), clock)) == ["provider_unknown"]
    broken = make_registration(variables={"origin": "not an address"}, enabled=False)
    assert codes(check(broken, clock)) == ["switched_off", "redirect_uri", "registration_broken"]


def test_one_that_breaks_the_check_up_does_not_stop_the_others(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    second = register_oauth2(provider_server)
    broken = make_registration(extra_scope="x")
    broken.extra_scope = None  # type: ignore[assignment]

    checked = check_many([broken, oidc, second], clock=clock)

    assert [each.slug for each in checked] == [broken.slug, oidc.slug, second.slug]
    assert "check_failed" in codes(checked[0])
    assert "client_accepted" in codes(checked[1])
    assert "client_accepted" in codes(checked[2])


def test_a_slow_provider_is_left_when_the_time_is_up(
    oidc: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    gate = provider_server.misbehave("metadata", Behaviour.DELAY_BEFORE_PROCESSING)

    (checked,) = check_many([oidc], clock=clock, options=Options(budget_seconds=0.5))
    gate.open()

    assert {"metadata_unavailable", "out_of_time"} <= {*codes(checked)}
    assert provider_server.requests("token") == []


def test_one_that_is_stopped_says_so(oidc: ClientRegistration, clock: Clock) -> None:
    (checked,) = check_many([oidc], clock=clock, options=Options(stop=lambda: True))

    assert codes(checked) == ["interrupted"]


def test_every_finding_that_is_not_good_says_what_to_do() -> None:
    silent = {"provider_clock_unknown"}

    mute = {code for code, meaning in MEANINGS.items() if meaning.level is not Level.OK and not meaning.remedy}

    assert mute == silent
