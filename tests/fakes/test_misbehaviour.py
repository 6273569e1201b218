"""Faults on request: which of them let the provider do its work first, and that they end."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.fakes.bare_client import BareClient
from tests.fakes.misbehaviour import Behaviour


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        (Behaviour.RATE_LIMITED, 429),
        (Behaviour.SERVER_ERROR, 500),
        (Behaviour.UNAVAILABLE, 503),
        (Behaviour.HTML, 200),
        (Behaviour.ERROR, 400),
        (Behaviour.EMPTY_BAD_REQUEST, 400),
        (Behaviour.REDIRECT, 307),
    ],
)
def test_a_fault_spoils_one_answer_and_processes_nothing(hub: BareClient, behaviour: Behaviour, status: int) -> None:
    token = hub.exchange().json()["refresh_token"]
    hub.server.misbehave("token", behaviour)

    spoiled = requests.post(hub.server.endpoint("token"), data={"grant_type": "x"}, allow_redirects=False, timeout=9)

    assert spoiled.status_code == status
    assert hub.refresh(token).status_code == 200


@pytest.mark.parametrize(
    ("behaviour", "processed"),
    [(Behaviour.DROP_BEFORE_PROCESSING, False), (Behaviour.DROP_AFTER_PROCESSING, True)],
)
def test_a_dropped_connection_is_before_or_after_the_work(
    hub: BareClient, behaviour: Behaviour, processed: bool
) -> None:
    token = hub.exchange().json()["refresh_token"]
    hub.server.misbehave("token", behaviour)

    with pytest.raises(requests.ConnectionError):
        hub.refresh(token)

    assert hub.server.is_active(token) is not processed


def test_a_truncated_answer_is_no_json(hub: BareClient) -> None:
    hub.server.misbehave("token", Behaviour.TRUNCATED_JSON_AFTER_PROCESSING)

    answer = hub.exchange()

    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_gate_holds_a_request_until_it_is_opened(hub: BareClient) -> None:
    token = hub.exchange().json()["refresh_token"]
    gate = hub.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(hub.refresh, token)
        gate.wait_for_arrival()
        assert not answer.done()
        gate.open()

    assert answer.result().status_code == 200


def test_the_untrusted_origin_fails_tls(hub: BareClient) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(hub.server.untrusted_origin + "/jwks", timeout=30)
