"""What is written down of an attempt to connect: every step, no secret, and never at the cost of the attempt."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import pytest
from django.db import DatabaseError
from django.db import connection as database

from integrations import vault
from integrations.flows import clients, disconnect
from integrations.flows.close_account import close_account
from integrations.models import Attempt, AuthorizationRequest, ClientRegistration, Connection, Event, StrayResponse
from integrations.models.attempt import CODES_KEPT, KEPT, STEPS_AT_MOST
from integrations.oauth.errors import OAuthError
from tests.canaries import every_row, leaks
from tests.factories import make_user
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import json_answer
from tests.flows.attempting import facts, fails, last, steps, why
from tests.flows.journey import Journey, fresh
from tests.leaks.passing import secrets_of

pytestmark = pytest.mark.django_db


@contextmanager
def attempts_cannot_be_written() -> Iterator[None]:
    """Statements about attempts fail as they do when a disk is full."""

    def fail(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if "integrations_attempt" in sql or "integrations_strayresponse" in sql:
            raise DatabaseError("no space left")
        return execute(sql, *rest)

    with database.execute_wrapper(fail):
        yield


def test_a_connection_that_is_made_leaves_every_step(journey: Journey) -> None:
    url = journey.begin("notes.read")
    begun = last()
    journey.request_id = "9876543210"
    journey.clock.advance(seconds=42)
    connection = journey.complete(journey.server.authorize(url)).connection

    attempt = last()
    assert (begun.outcome, steps(begun)) == ("begun", ["begin"])
    assert steps(attempt) == ["begin", "came_back", "state", "response", "token", "identity", "connected"]
    assert (attempt.outcome, attempt.error_code) == ("connected", "")
    assert (attempt.connection, attempt.user_id) == (connection, journey.user.pk)
    assert (attempt.begun_request_id, attempt.request_id) == ("0123456789", "9876543210")
    sent = facts(attempt, "begin")["parameters"]
    assert sent["client_id"] == "hub"
    assert sent["redirect_uri"] == clients.redirect_uri(journey.registration)
    assert (sent["scope"], sent["code_challenge_method"]) == ("notes:read profile", "S256")
    assert (sent["state"], sent["code_challenge"]) == ("sent", "sent")
    assert facts(attempt, "came_back") == {
        "parameters": ["code", "iss", "state"],
        "iss": journey.server.origin + "/oauth",
        "after_seconds": 42,
        "same_person": True,
        "same_registration": True,
    }
    assert facts(attempt, "token")["status"] == 200
    assert facts(attempt, "token")["ms"] >= 0
    assert facts(attempt, "connected")["granted"] == ["notes:read", "profile"]
    assert why(attempt, now=journey.clock()).code == "none"


def test_less_than_asked_for_is_told(journey: Journey) -> None:
    journey.connect("notes.read", scope="profile")

    assert facts(last(), "connected")["missing"] == ["notes:read"]
    assert why(last(), now=journey.clock()).code == "granted_less"


@pytest.mark.requirement(98)
def test_no_step_holds_a_secret_nor_a_part_of_one_even_if_the_provider_repeats_it(oidc_journey: Journey) -> None:
    journey = oidc_journey
    hidden = []
    for spoil in (lambda s: s, lambda s: s[:12], lambda s: s[-9:], quote):
        url = journey.begin()
        pairs = journey.server.authorize(url)
        code, query = dict(pairs)["code"], parse_qs(urlsplit(url).query)
        hidden += [code, code[:12], code[-9:], *query["state"], *query["nonce"], *query["code_challenge"]]
        said = f"the code {spoil(code)} and state {spoil(query['state'][0])} are not for {spoil('s3cret+/ %:ü')}"
        answer = json_answer({"error": "invalid_grant", "error_description": said}, status=400)
        journey.server.misbehave("token", Behaviour.AS_GIVEN, answer=answer)
        fails(journey, pairs)
        denied = [("state", journey.server.authorize(journey.begin())[-1][1]), ("error", "invalid_request")]
        fails(journey, [*denied, ("error_description", f"no: {code} {spoil(code)}")])
    journey.connect()

    written = "".join(str(row) for row in (*Attempt.objects.values("steps"), *StrayResponse.objects.values()))
    assert "the code [redacted]" in written
    assert leaks(written, [*secrets_of(journey.server), *hidden]) == []
    assert leaks("".join(every_row()), [*hidden]) == []


@pytest.mark.requirement(98)
@pytest.mark.parametrize("code", ["ab1!cd2:ef3*gh4", "ab1 cd2 ef3 gh4"])
def test_a_code_of_short_words_is_hidden_as_a_whole(journey: Journey, code: str) -> None:
    brought = {**dict(journey.server.authorize(journey.begin())), "code": code, "error": "invalid_request"}

    fails(journey, [*brought.items(), ("error_description", f"no {code}, nor {quote(code)}, nor {quote_plus(code)}")])

    written = "".join(str(row) for row in Attempt.objects.values("steps"))
    assert "no [redacted], nor [redacted], nor [redacted]" in written
    assert "cd2" not in written


def test_a_failure_is_kept_although_the_flow_was_rolled_back(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    def fail(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if 'INSERT INTO "integrations_vaultentry"' in sql:
            raise DatabaseError("no space left")
        return execute(sql, *rest)

    with database.execute_wrapper(fail), pytest.raises(DatabaseError):
        journey.complete(pairs)

    assert not Connection.objects.exists()
    assert (last().outcome, steps(last())[-1]) == ("failed", "store: crash")
    assert why(last(), now=journey.clock()).code == "crash"


def test_an_attempt_goes_on_when_it_cannot_be_written_down(journey: Journey) -> None:
    with attempts_cannot_be_written():
        connection = journey.connect("notes.read")
        assert fails(journey, journey.server.authorize(journey.begin(), error="access_denied")) == "access_denied"
        assert fails(journey, [("state", "x" * 43), ("code", "y")]) == "attempt_unknown"

    assert connection.status == Connection.Status.ACTIVE
    assert not Attempt.objects.exists()
    assert Event.objects.filter(kind=Event.Kind.CONNECT_FAILED).count() == 1


def test_what_keeps_an_attempt_from_beginning_is_kept(journey: Journey) -> None:
    ClientRegistration.objects.update(enabled=False)

    with pytest.raises(OAuthError, match="registration_disabled"):
        journey.begin()

    assert steps(last()) == ["prepare: registration_disabled"]
    assert (last().outcome, last().request_id) == ("failed", "0123456789")
    assert why(last(), now=journey.clock()).code == "switched_off"
    assert not AuthorizationRequest.objects.exists()


def test_the_same_answer_twice_leaves_the_end_as_it_is_and_is_told(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    journey.complete(pairs)
    journey.request_id = "the-second-time"

    assert fails(journey, pairs) == "attempt_unknown"

    assert (last().outcome, last().request_id) == ("connected", "the-second-time")
    assert steps(last())[-2:] == ["came_back", "state: attempt_unknown"]
    assert why(last(), now=journey.clock()).code == "came_back_twice"
    assert not StrayResponse.objects.exists()


def test_loading_a_failed_answer_again_does_not_hide_why_it_failed(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin(), error="access_denied")
    fails(journey, pairs)
    fails(journey, pairs)

    assert (last().outcome, last().error_code) == ("failed", "access_denied")
    assert why(last(), now=journey.clock()).code == "consent_denied"


def test_somebody_elses_answer_ends_the_attempt_and_says_so_of_nobody(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    other = replace(journey, user=make_user("mallory"), request_id="mallorys-request")

    fails(other, pairs)

    attempt = last()
    assert (attempt.user_id, attempt.request_id) == (journey.user.pk, "mallorys-request")
    assert facts(attempt, "came_back")["same_person"] is False
    assert why(attempt, now=journey.clock()).code == "other_person"
    assert "mallory" not in str(attempt.steps)


def test_an_attempt_whose_connection_is_ended_meanwhile(journey: Journey) -> None:
    connection = journey.connect()
    pairs = journey.server.authorize(journey.begin(connection=connection))
    disconnect.disconnect(fresh(connection), actor="tester", now=journey.clock())

    fails(journey, pairs)

    assert why(last(), now=journey.clock()).code == "given_up"


def test_answers_to_no_attempt_are_counted_and_not_kept_one_by_one(journey: Journey) -> None:
    for number in range(60):
        journey.request_id = f"request-{number}"
        assert fails(journey, [("state", f"made-up-state-{number}"), ("code", "made-up")]) == "attempt_unknown"
    fails(journey, [("code", "made-up")])

    stray = StrayResponse.objects.get()
    assert (stray.count, len(stray.recent)) == (61, CODES_KEPT)
    assert stray.recent[1]["request_id"] == "request-59"
    assert stray.recent[0]["error"] == "state_missing"
    assert not Attempt.objects.exists()
    assert "made-up" not in str(stray.recent)


def test_one_answer_brought_again_and_again_does_not_make_its_attempt_grow(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin(), error="access_denied")

    for _ in range(STEPS_AT_MOST):
        fails(journey, pairs)

    assert len(last().steps) == STEPS_AT_MOST
    assert Attempt.objects.count() == 1


def test_only_the_newest_are_kept_and_successes_do_not_drive_failures_out(journey: Journey) -> None:
    fails(journey, journey.server.authorize(journey.begin(), error="access_denied"))

    for _ in range(KEPT + 5):
        journey.begin()

    assert Attempt.objects.filter(outcome="begun").count() == KEPT
    assert Attempt.objects.filter(outcome="failed").count() == 1
    assert not Attempt.objects.surplus().exists()


def test_surplus_is_counted_for_each_registration_by_itself(journey: Journey) -> None:
    other = ClientRegistration.objects.create(slug="other", provider="sandbox", client_id="hub")
    now = journey.clock()
    for registration, count in ((journey.registration, KEPT + 2), (other, KEPT)):
        Attempt.objects.bulk_create(
            Attempt(registration=registration, user=journey.user, started_at=now, expires_at=now) for _ in range(count)
        )

    surplus = set(Attempt.objects.surplus().values_list("pk", flat=True))

    oldest = Attempt.objects.filter(registration=journey.registration).order_by("pk").values_list("pk", flat=True)[:2]
    assert surplus == {*oldest}
    Attempt.objects.surplus().delete()
    assert Attempt.objects.count() == 2 * KEPT


def test_it_goes_with_the_person(journey: Journey) -> None:
    journey.connect()
    Connection.objects.all().delete()
    assert last().connection is None

    assert close_account(journey.user, clock=journey.clock).is_gone

    assert not Attempt.objects.exists()


def test_the_state_is_kept_as_a_keyed_hash_only(journey: Journey) -> None:
    state = parse_qs(urlsplit(journey.begin()).query)["state"][0]

    assert last().state_hash == vault.fingerprint(state, purpose="state")
