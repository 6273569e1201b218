"""Whoever starts a connection is the one who finishes it, in the same browser, once and in time."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from integrations.flows import clients, disconnect
from integrations.flows.errors import ConnectionUnusable
from integrations.models import AuthorizationRequest, Connection, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.journey import Journey, Pairs, fresh, stored_tokens
from tests.flows.threads import started


def state_of(authorization_url: str) -> str:
    return parse_qs(urlsplit(authorization_url).query)["state"][0]


def refused(journey: Journey, pairs: Pairs) -> str:
    """The code with which this response is refused; nothing was sent and nothing stored."""
    with pytest.raises(OAuthError) as refusal:
        journey.complete(pairs)
    assert journey.server.requests("token") == []
    assert not Connection.objects.exists()
    return refusal.value.code


@pytest.mark.requirement(1)
def test_state_is_never_the_same_and_cannot_be_guessed(journey: Journey) -> None:
    """Of a thousand that are made, tests/test_vault.py; here, that each attempt has one of its own."""
    states = {state_of(journey.begin()) for _ in range(50)}

    assert len(states) == 50
    assert min(map(len, states)) >= 22  # 128 bit in base64


@pytest.mark.requirement(2)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: None,
        lambda state: "",
        lambda state: "wrong",
        lambda state: state[:-1],
        lambda state: state.swapcase(),
        lambda state: state + " ",
    ],
    ids=["missing", "empty", "wrong", "truncated", "case changed", "padded"],
)
def test_a_response_without_our_state_is_refused(journey: Journey, spoil: Callable[[str], str | None]) -> None:
    answer = dict(journey.server.authorize(journey.begin()))
    state = spoil(answer.pop("state"))

    code = refused(journey, [*answer.items(), *([] if state is None else [("state", state)])])

    assert code in {"state_missing", "state_mismatch", "attempt_unknown"}


@pytest.mark.requirement(3)
def test_the_same_response_again_does_nothing(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    connection = fresh(journey.complete(pairs).connection)

    with pytest.raises(OAuthError):
        journey.complete(pairs)

    assert len(journey.server.requests("token")) == 1
    assert fresh(connection).version == connection.version
    assert journey.server.is_active(stored_tokens(connection).access_token)


@pytest.mark.requirement(3)
def test_a_refused_response_has_used_the_state_up(journey: Journey) -> None:
    url = journey.begin()
    journey_denied = journey.server.authorize(url, error="access_denied")
    allowed = journey.server.authorize(url)

    refused(journey, journey_denied)

    assert refused(journey, allowed) == "attempt_unknown"


@pytest.mark.requirement(4)
def test_another_browser_of_the_same_person_cannot_finish(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    assert refused(replace(journey, browser="another browser"), pairs) == "other_browser"


@pytest.mark.requirement(5, 7)
def test_a_victim_led_to_finish_an_attackers_attempt_gives_nothing_away(journey: Journey) -> None:
    victim = replace(journey, user=make_user(), browser="the victim's browser")
    attackers_url = journey.begin()

    pairs = journey.server.authorize(attackers_url, account="bob")

    assert refused(victim, pairs) in {"other_user", "other_browser"}


@pytest.mark.requirement(5, 8)
def test_another_person_in_the_same_browser_cannot_finish(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    assert refused(replace(journey, user=make_user()), pairs) == "other_user"


@pytest.mark.requirement(10, 13)
def test_a_response_is_only_taken_where_its_attempt_was_meant_to_end(
    journey: Journey, second_provider_server: FakeAuthorizationServer
) -> None:
    other = register_sandbox(second_provider_server, slug="other")
    pairs = journey.server.authorize(journey.begin())

    code = refused(replace(journey, registration=other), pairs)

    assert code == "other_registration"
    assert second_provider_server.requests("token") == []


@pytest.mark.requirement(11)
def test_two_registrations_at_one_server_have_their_own_redirect_uris(journey: Journey) -> None:
    other = register_sandbox(journey.server, slug="other")

    first, second = (
        parse_qs(urlsplit(replace(journey, registration=registration).begin()).query)["redirect_uri"][0]
        for registration in (journey.registration, other)
    )

    assert first != second
    assert (first, second) == (clients.redirect_uri(journey.registration), clients.redirect_uri(other))


@pytest.mark.requirement(12)
def test_a_code_of_an_honest_provider_never_reaches_a_malicious_one(
    journey: Journey, second_provider_server: FakeAuthorizationServer
) -> None:
    honest = replace(journey, registration=register_sandbox(second_provider_server, slug="honest"))
    sent_on = dict(parse_qsl(urlsplit(honest.begin()).query))
    sent_on["state"] = state_of(journey.begin())
    query = "&".join(f"{name}={value}" for name, value in sent_on.items())
    honest_url = f"{second_provider_server.endpoint('authorize')}?{query}"

    pairs = second_provider_server.authorize(honest_url)

    assert refused(replace(honest, server=journey.server), pairs) == "other_registration"
    assert second_provider_server.requests("token") == []


@pytest.mark.requirement(24)
@pytest.mark.django_db(transaction=True)
def test_disconnecting_while_the_code_is_exchanged_is_not_undone(journey: Journey) -> None:
    connection = journey.connect()
    pairs = journey.server.authorize(journey.begin(connection=connection))
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: journey.complete(pairs)) as futures:
        gate.wait_for_arrival()
        disconnect.disconnect(fresh(connection), actor="tester", now=journey.clock())
        gate.open()

    with pytest.raises(OAuthError, match="connection_gone"):
        futures[0].result()
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not VaultEntry.objects.exists()


@pytest.mark.requirement(19)
def test_an_attempt_ends_after_ten_minutes(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    journey.clock.advance(minutes=10, seconds=1)

    assert refused(journey, pairs) == "attempt_expired"


@pytest.mark.requirement(19)
def test_an_attempt_is_good_until_then(journey: Journey) -> None:
    url = journey.begin()

    journey.clock.advance(minutes=9, seconds=59)

    assert journey.complete(journey.server.authorize(url)).created


@pytest.mark.requirement(19)
def test_of_too_many_attempts_the_oldest_is_dropped(journey: Journey) -> None:
    urls = []
    for _ in range(11):
        urls.append(journey.begin())
        journey.clock.advance(seconds=1)

    assert AuthorizationRequest.objects.count() == 10
    assert refused(journey, journey.server.authorize(urls[0])) == "attempt_unknown"
    assert journey.complete(journey.server.authorize(urls[10])).created


@pytest.mark.requirement(19)
def test_what_has_expired_goes_when_the_next_attempt_begins(journey: Journey) -> None:
    journey.begin()
    journey.clock.advance(minutes=11)

    replace(journey, browser="another browser").begin()

    assert AuthorizationRequest.objects.count() == 1


@pytest.mark.requirement(20)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_at_two_providers_both_finish(
    journey: Journey, second_provider_server: FakeAuthorizationServer, order: tuple[int, int]
) -> None:
    registration = register_sandbox(second_provider_server, slug="other")
    tabs = (journey, replace(journey, registration=registration, server=second_provider_server))
    responses = [tab.server.authorize(tab.begin()) for tab in tabs]

    created = [tabs[number].complete(responses[number]).created for number in order]

    assert created == [True, True]


@pytest.mark.requirement(21)
def test_the_redirect_uri_of_the_token_request_is_the_registered_one(journey: Journey) -> None:
    journey.connect()

    (request,) = journey.server.requests("token")
    assert request.form["redirect_uri"] == clients.redirect_uri(journey.registration)


@pytest.mark.requirement(24)
@pytest.mark.parametrize("features", [(), ("notes.read",)], ids=["reconnect", "upgrade"])
def test_disconnecting_voids_what_was_begun_for_the_connection(journey: Journey, features: tuple[str, ...]) -> None:
    connection = journey.connect()
    pairs = journey.server.authorize(journey.begin(*features, connection=connection))

    disconnect.disconnect(connection, actor="test", now=journey.clock())

    with pytest.raises(OAuthError):
        journey.complete(pairs)
    assert len(journey.server.requests("token")) == 1
    assert fresh(connection).status in {Connection.Status.REVOKED, Connection.Status.REVOKING}


@pytest.mark.requirement(25)
def test_a_registration_switched_off_starts_nothing(journey: Journey) -> None:
    journey.registration.enabled = False
    journey.registration.save()

    with pytest.raises(ConnectionUnusable, match="registration_disabled"):
        journey.begin()

    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(25)
def test_a_registration_switched_off_on_the_way_finishes_nothing(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    journey.registration.enabled = False
    journey.registration.save()

    assert refused(journey, pairs) == "registration_disabled"


@pytest.mark.requirement(26)
def test_a_person_locked_out_on_the_way_finishes_nothing(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    journey.user.is_active = False
    journey.user.save()

    assert refused(journey, pairs) == "owner_inactive"


@pytest.mark.requirement(30)
def test_a_stolen_code_is_worth_nothing_in_another_attempt(journey: Journey) -> None:
    victim = replace(journey, user=make_user(), browser="the victim's browser")
    stolen = dict(journey.server.authorize(victim.begin(), account="bob"))["code"]
    own = dict(journey.server.authorize(journey.begin()))

    with pytest.raises(OAuthError) as refusal:
        journey.complete(list((own | {"code": stolen}).items()))

    assert refusal.value.code == "invalid_grant"
    assert not Connection.objects.exists()
