"""Messages leave, once each and signed; what cannot be delivered is tried again for three days, and delays nobody."""

import json
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from integrations.crypto import new_key
from integrations.flows import webhook_queue, webhooks
from integrations.flows.events import record
from integrations.flows.webhook_queue import SCHEDULE, Ending
from integrations.flows.webhook_send import Report
from integrations.models import Event, WebhookDelivery, WebhookEndpoint
from integrations.webhook_signature import WebhookForged, WebhookSignature
from tests.clock import Clock
from tests.fakes.receiver import Receiver
from tests.flows.hooking import lent_connection, row, send
from tests.flows.worker import PATIENCE_SECONDS, started_process
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_" + "c2VjcmV0" * 4
State = WebhookDelivery.State


@pytest.mark.requirement(153)
def test_a_message_is_posted_signed_and_struck_off(receiver: Receiver, clock: Clock) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url, secret=SECRET), body='{"ü": 1}')

    assert send(clock) == Report(delivered=1)
    assert send(clock) == Report()

    (request,) = receiver.received
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.body == '{"ü": 1}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert "cookie" not in request.headers
    assert "authorization" not in request.headers
    verified = WebhookSignature.of(SECRET).verify(request.headers, request.body, now=clock())
    assert (verified.message_id, verified.sent_at) == (message.message_id, clock())
    sent = row(message)
    assert (sent.state, sent.attempts, sent.last_status, sent.delivered_at) == (State.DELIVERED, 1, 204, clock())


@pytest.mark.requirement(155)
def test_the_same_message_is_tried_again_under_its_id_at_a_new_time(receiver: Receiver, clock: Clock) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url, secret=SECRET))
    receiver.answer(500)

    assert send(clock) == Report(retry_later=1)
    assert send(clock) == Report()
    clock.advance(seconds=6)
    assert send(clock) == Report(delivered=1)

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == message.message_id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 6
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    for request, moment in ((first, clock() - timedelta(seconds=6)), (second, clock())):
        WebhookSignature.of(SECRET).verify(request.headers, request.body, now=moment)


@pytest.mark.requirement(155)
def test_it_is_tried_ten_times_in_three_days_and_then_given_up(receiver: Receiver, clock: Clock) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
    receiver.answer(503, times=99)
    began = clock()

    while (waiting := row(message)).state == State.WAITING:
        clock.advance(seconds=max(0.0, (waiting.next_attempt_at - clock()).total_seconds()))
        WebhookEndpoint.objects.update(paused_until=None)
        send(clock)

    assert len(receiver.received) == len(SCHEDULE) + 1 == 10
    assert set(receiver.ids) == {message.message_id}
    assert timedelta(days=3) < clock() - began < timedelta(days=4)
    failed = row(message)
    assert (failed.state, failed.attempts, failed.last_status, failed.last_error_code) == (
        State.FAILED,
        10,
        503,
        "refused",
    )


def test_two_messages_do_not_wait_for_the_same_moment() -> None:
    waits = {webhook_queue.wait_after(3, seed=f"msg_{number}") for number in range(20)}

    assert len(waits) == 20
    assert all(SCHEDULE[2] <= wait <= SCHEDULE[2] * 1.2 for wait in waits if wait)


@pytest.mark.requirement(153)
def test_while_a_secret_is_replaced_both_sign(receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url, secret=SECRET)
    new = webhooks.rotate(endpoint, now=clock(), actor="them").secret
    make_webhook_delivery(endpoint)
    clock.advance(hours=23, minutes=59)
    send(clock)
    clock.advance(minutes=2)
    make_webhook_delivery(endpoint)
    send(clock)

    during, after = receiver.received
    assert len(during.headers["webhook-signature"].split()) == 2
    for secret in (SECRET, new):
        at = datetime.fromtimestamp(int(during.headers["webhook-timestamp"]), UTC)
        WebhookSignature.of(secret).verify(during.headers, during.body, now=at)
    WebhookSignature.of(new).verify(after.headers, after.body, now=clock())
    with pytest.raises(WebhookForged):
        WebhookSignature.of(SECRET).verify(after.headers, after.body, now=clock())


def test_two_senders_at_once_send_each_message_once(receiver: Receiver, clock: Clock) -> None:
    endpoints = [make_webhook_endpoint(url=receiver.url) for _ in range(3)]
    messages = {make_webhook_delivery(endpoint).message_id for endpoint in endpoints for _ in range(10)}
    ended: list[Report] = []
    senders = [threading.Thread(target=lambda: ended.append(send(clock))) for _ in range(2)]

    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)

    assert sum(report.delivered for report in ended) == 30
    assert sorted(receiver.ids) == sorted(messages)


@pytest.mark.requirement(155)
def test_a_sender_that_died_leaves_its_message_to_the_next_under_the_same_id(receiver: Receiver, clock: Clock) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
    (taken,) = webhook_queue.claim(at_most=5, now=clock())

    assert send(clock) == Report()
    clock.advance(seconds=61)
    assert send(clock) == Report(delivered=1)

    assert receiver.ids == [message.message_id]
    assert webhook_queue.settle(taken, Ending(status=500), now=clock()) is None
    assert row(message).state == State.DELIVERED


def test_nothing_is_sent_by_a_hub_on_hold_or_for_somebody_inactive(
    receiver: Receiver, clock: Clock, settings: Settings
) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    make_webhook_delivery(endpoint)
    settings.HUB_HOLD_REFRESHES = True
    assert send(clock) == Report()
    settings.HUB_HOLD_REFRESHES = False
    endpoint.owner.is_active = False
    endpoint.owner.save()
    assert send(clock) == Report()
    record(Event.Kind.RECOVERED, connection=lent_connection())
    assert WebhookDelivery.objects.count() == 1

    assert receiver.received == []


@pytest.mark.requirement(93, 95)
@pytest.mark.parametrize("moved", ["row", "column", "back"])
def test_a_secret_that_was_moved_signs_nothing_is_told_and_stops_nobody(
    receiver: Receiver, clock: Clock, moved: str
) -> None:
    endpoint, other = make_webhook_endpoint(url=receiver.url), make_webhook_endpoint(url=receiver.url)
    before = bytes(endpoint.sealed_secret or b"")
    webhooks.rotate(endpoint, now=clock(), actor="them")
    endpoint.refresh_from_db()
    sealed = {"row": other.sealed_secret, "column": endpoint.sealed_previous_secret, "back": before}[moved]
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(sealed_secret=sealed)
    mine, theirs = make_webhook_delivery(endpoint), make_webhook_delivery(other)

    assert send(clock) == Report(delivered=1, failed=1)

    assert receiver.ids == [theirs.message_id]
    endpoint.refresh_from_db()
    assert endpoint.disabled_why == "secret_unreadable"
    assert row(mine).state == State.FAILED
    assert Event.objects.get(kind="webhook_disabled").details["code"] == "value_forged"


def test_without_the_keys_messages_wait_and_an_operator_is_told(
    receiver: Receiver, clock: Clock, settings: Settings
) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
    keys = settings.HUB_SEALING_KEYS
    settings.HUB_SEALING_KEYS = new_key("another")
    assert send(clock) == Report(needs_operator=True)
    assert (row(message).state, row(message).attempts) == (State.WAITING, 0)

    settings.HUB_SEALING_KEYS = keys
    clock.advance(minutes=6)
    assert send(clock) == Report(delivered=1)


def test_a_message_is_sent_again_under_its_id_when_its_owner_says_so(receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    message = make_webhook_delivery(endpoint)
    send(clock)

    webhooks.redeliver(endpoint, message.message_id, now=clock())
    send(clock)

    assert receiver.ids == [message.message_id] * 2
    assert json.loads(receiver.received[0].body) == json.loads(receiver.received[1].body)


@pytest.mark.requirement(155, 156)
@pytest.mark.parametrize(("point", "times"), [("claimed", 1), ("sent", 2)])
def test_a_sender_that_is_killed_loses_nothing_and_makes_nothing_new(
    receiver: Receiver, clock: Clock, point: str, times: int
) -> None:
    make_webhook_endpoint(url=receiver.url)
    record(Event.Kind.RECOVERED, connection=lent_connection())
    (message,) = WebhookDelivery.objects.all()

    with started_process("tests.flows.crashing_webhook", clock().isoformat(), point) as process:
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert row(message).state == State.WAITING
    clock.advance(seconds=61)
    assert send(clock) == Report(delivered=1)

    assert receiver.ids == [message.message_id] * times
    assert len({request.body for request in receiver.received}) == 1
