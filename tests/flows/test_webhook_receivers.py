"""Receivers that are gone, slow, wrong or inside: each costs itself alone, and nobody is called who must not be."""

import threading
from datetime import timedelta

import pytest
from pytest_django import Settings

from bench.fleet import wait_for
from integrations.flows import webhook_queue
from integrations.flows.webhook_send import Report
from integrations.models import Event, Notice, WebhookDelivery, WebhookEndpoint
from integrations.oauth.address import AddressPolicy
from integrations.webhook_post import Post
from tests.clock import Clock
from tests.fakes.receiver import Receiver, receiving
from tests.fakes.wire import Outgoing
from tests.flows.hooking import row, send
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_" + "c2VjcmV0" * 4
State = WebhookDelivery.State


@pytest.mark.requirement(155)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(receiver: Receiver, clock: Clock, status: int) -> None:
    with receiving() as elsewhere:
        receiver.answer(status, Location=elsewhere.url)
        message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))

        assert send(clock) == Report(retry_later=1)

        assert elsewhere.received == []
    assert (row(message).last_status, row(message).last_error_code) == (status, "redirected")


@pytest.mark.requirement(155)
def test_one_that_is_gone_is_switched_off_at_once(receiver: Receiver, clock: Clock, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"
    endpoint = make_webhook_endpoint(url=receiver.url)
    message, waiting = (
        make_webhook_delivery(endpoint),
        make_webhook_delivery(endpoint, next_attempt_at=clock() + timedelta(hours=1)),
    )
    receiver.answer(410)

    assert send(clock) == Report(failed=1)
    assert send(clock) == Report()

    endpoint.refresh_from_db()
    assert (endpoint.disabled_at, endpoint.disabled_why) == (clock(), "gone")
    assert (row(message).state, row(message).last_error_code) == (State.FAILED, "gone")
    assert (row(waiting).state, row(waiting).last_error_code) == (State.FAILED, "endpoint_disabled")
    event = Event.objects.get(kind="webhook_disabled")
    assert (event.owner, event.details["why"]) == (endpoint.owner, "gone")
    assert Notice.objects.get().webhook_endpoint == endpoint


@pytest.mark.requirement(155)
def test_one_that_fails_for_five_days_is_switched_off_with_a_notice(
    receiver: Receiver, clock: Clock, settings: Settings
) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"
    endpoint = make_webhook_endpoint(url=receiver.url)
    receiver.answer(500, times=99)
    fail(endpoint, clock, times=12, every=timedelta(hours=10))
    assert is_enabled(endpoint)

    fail(endpoint, clock, times=1, every=timedelta(hours=10))
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_why) == (False, "failing")
    assert Event.objects.filter(kind="webhook_disabled").count() == Notice.objects.count() == 1
    assert not WebhookDelivery.objects.filter(state=State.WAITING).exists()


def fail(endpoint: WebhookEndpoint, clock: Clock, *, times: int, every: timedelta) -> None:
    """A message each time, which is not received, and time goes on."""
    for _ in range(times):
        WebhookDelivery.objects.all().delete()
        make_webhook_delivery(endpoint)
        assert send(clock).delivered == 0
        clock.advance(seconds=every.total_seconds())


def is_enabled(endpoint: WebhookEndpoint) -> bool:
    return WebhookEndpoint.objects.enabled().filter(pk=endpoint.pk).exists()


@pytest.mark.requirement(155)
def test_a_time_in_which_nothing_was_sent_is_none_of_failures(receiver: Receiver, clock: Clock) -> None:
    """It was away for three days, and is well: nobody could see that, as nothing happened for a month."""
    endpoint = make_webhook_endpoint(url=receiver.url)
    receiver.answer(500, times=99)
    fail(endpoint, clock, times=30, every=timedelta(hours=2))
    clock.advance(days=30)

    fail(endpoint, clock, times=1, every=timedelta(hours=20))
    assert is_enabled(endpoint)
    fail(endpoint, clock, times=4, every=timedelta(hours=20))
    assert not is_enabled(endpoint)


@pytest.mark.requirement(155)
def test_few_failures_do_not_switch_off_however_long_they_take(receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    receiver.answer(500, times=99)

    fail(endpoint, clock, times=9, every=timedelta(hours=30))
    assert is_enabled(endpoint)
    fail(endpoint, clock, times=1, every=timedelta(hours=30))
    assert not is_enabled(endpoint)


def test_one_success_makes_the_five_days_begin_anew(receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    for status in (500, 204, 500):
        receiver.answer(status)
        make_webhook_delivery(endpoint)
        send(clock)
        clock.advance(days=4)
        WebhookDelivery.objects.all().delete()

    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    assert endpoint.failing_since == clock() - timedelta(days=4)


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_says_when_is_not_called_before(receiver: Receiver, clock: Clock, status: int) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    message, other = make_webhook_delivery(endpoint), None
    receiver.answer(status, Retry_After="600")
    send(clock)

    other = make_webhook_delivery(endpoint)
    clock.advance(seconds=599)
    assert send(clock) == Report()
    clock.advance(seconds=2)
    assert send(clock) == Report(delivered=2)
    assert set(receiver.ids) == {message.message_id, other.message_id}


def test_what_a_receiver_asks_for_is_capped_and_counts_with_these_statuses_alone(
    receiver: Receiver, clock: Clock
) -> None:
    endpoint, other = make_webhook_endpoint(url=receiver.url), make_webhook_endpoint(url=receiver.url)
    receiver.answer(503, Retry_After="999999999")
    first = make_webhook_delivery(endpoint)
    send(clock)
    receiver.answer(500, Retry_After="3600")
    second = make_webhook_delivery(other)
    send(clock)

    assert row(first).next_attempt_at == clock() + timedelta(days=1)
    assert row(second).next_attempt_at < clock() + timedelta(seconds=10)


def test_a_large_answer_is_not_read_and_none_is_kept(receiver: Receiver, clock: Clock) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
    receiver.answers.append(Outgoing(status=500, body=b"canary-body-0123456789 " * 100_000))

    assert send(clock) == Report(retry_later=1)

    kept = [str(getattr(row(message), field.attname)) for field in WebhookDelivery._meta.concrete_fields]
    assert "canary-body" not in " ".join(kept)


def test_a_dead_endpoint_keeps_nobody_waiting(receiver: Receiver, clock: Clock) -> None:
    with receiving() as dead:
        dead.may_answer.clear()
        endpoint = make_webhook_endpoint(url=dead.url)
        for _ in range(50):
            make_webhook_delivery(endpoint)
        message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
        ended: list[Report] = []
        sender = threading.Thread(target=lambda: ended.append(send(clock, concurrency=8)))
        sender.start()

        assert receiver.was_called.wait(20)
        assert receiver.ids == [message.message_id]
        assert ended == []
        wait_for(lambda: dead.at_once_at_most == webhook_queue.IN_FLIGHT_AT_MOST, what="as many as may be")
        dead.may_answer.set()
        sender.join(60)

        assert ended == [Report(delivered=51)]
        assert dead.at_once_at_most == webhook_queue.IN_FLIGHT_AT_MOST


def test_an_endpoint_that_fails_is_asked_one_by_one_and_left_alone_in_between(receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url, failing_since=clock(), failure_count=5)
    for _ in range(10):
        make_webhook_delivery(endpoint)
    receiver.answer(500)

    assert send(clock) == Report(retry_later=1)
    assert len(receiver.received) == 1

    clock.advance(minutes=6)
    assert send(clock) == Report(delivered=10)


@pytest.mark.requirement(124, 125, 155)
@pytest.mark.parametrize(
    ("addresses", "code"),
    [(["10.0.0.7"], "address_refused"), (["127.0.0.1"], "address_refused"), (["169.254.169.254"], "address_refused")],
)
def test_the_address_is_judged_when_it_is_connected_to(
    receiver: Receiver, clock: Clock, addresses: list[str], code: str
) -> None:
    """A name that was public when the webhook was added leads inside by now."""
    message = make_webhook_delivery(make_webhook_endpoint(url="https://hook.example.test/"))
    post = Post(AddressPolicy(), resolve=lambda host, port: addresses)

    assert send(clock, post=post) == Report(retry_later=1)

    assert row(message).last_error_code == code


@pytest.mark.requirement(124, 155)
@pytest.mark.parametrize(
    "url",
    ["http://hook.example.test/", "https://10.0.0.7/", "https://hook.example.test:8443/", "https://user@example.test/"],
)
def test_an_address_that_is_allowed_no_more_is_not_called(clock: Clock, url: str) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=url))

    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("nothing is looked up")

    assert send(clock, post=Post(AddressPolicy(), resolve=resolve)) == Report(retry_later=1)

    assert row(message).last_error_code in ("url_refused", "address_refused", "port_refused")


def test_proxies_of_the_environment_are_ignored(
    receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.listener.origin)
        monkeypatch.setenv("http_proxy", proxy.listener.origin)
        make_webhook_delivery(make_webhook_endpoint(url=receiver.url))

        assert send(clock) == Report(delivered=1)

        assert proxy.received == []


def test_a_receiver_that_never_ends_is_left_at_the_deadline(receiver: Receiver, clock: Clock) -> None:
    receiver.may_answer.clear()
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))
    post = Post(AddressPolicy(allowed_hosts=frozenset({"127.0.0.1"})), deadline_seconds=0.3)

    assert send(clock, post=post) == Report(retry_later=1)

    assert row(message).last_error_code == "timeout"
