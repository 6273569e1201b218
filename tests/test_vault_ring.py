"""Keys that a key service unwrapped are held for a while, and no longer."""

import pytest

from integrations.crypto import Keyring, SealError, new_key
from integrations.vault.ring import ASKED_AGAIN_SECONDS, SEALS_LONGER_SECONDS, LentRing

SECONDS = 3600.0


class Service:
    """Unwraps a ring, or is down; counts how often it was asked."""

    def __init__(self) -> None:
        self.is_down = False
        self.asked = 0
        self.line = new_key("k1")
        self.now = 1000.0

    def __call__(self) -> Keyring:
        self.asked += 1
        if self.is_down:
            raise SealError("key_service_unavailable", "down")
        return Keyring.parse(self.line)

    def lent(self) -> LentRing:
        return LentRing(self, seconds=SECONDS, clock=lambda: self.now)


@pytest.fixture
def service() -> Service:
    return Service()


def opening(lent: LentRing) -> Keyring:
    return lent.ring(to_seal=False, may_wait=True)


@pytest.mark.requirement(104)
def test_the_service_is_asked_once_however_often_the_ring_is_used(service: Service) -> None:
    lent = service.lent()

    assert len({id(opening(lent)) for _ in range(100)}) == 1
    assert service.asked == 1


@pytest.mark.requirement(104)
def test_keys_are_held_while_the_service_is_down_for_as_long_as_they_may_be(service: Service) -> None:
    lent = service.lent()
    opening(lent)
    service.is_down = True

    service.now += SECONDS - 1
    lent.look_after()
    assert opening(lent).primary == "k1"

    service.now += 2
    with pytest.raises(SealError) as caught:
        opening(lent)
    assert caught.value.code == "key_service_unavailable"
    service.is_down = False
    service.now += ASKED_AGAIN_SECONDS
    assert opening(lent).primary == "k1"


@pytest.mark.requirement(69)
def test_what_was_opened_in_time_can_be_sealed_a_while_later_and_then_no_more(service: Service) -> None:
    lent = service.lent()
    opening(lent)
    service.is_down = True

    service.now += SECONDS + SEALS_LONGER_SECONDS - 1
    assert lent.ring(to_seal=True, may_wait=False).primary == "k1"

    service.now += 2
    lent.look_after()
    with pytest.raises(SealError):
        lent.ring(to_seal=True, may_wait=False)


def test_a_service_that_is_down_is_not_asked_by_every_caller(service: Service) -> None:
    lent = service.lent()
    service.is_down = True

    for _ in range(50):
        with pytest.raises(SealError):
            opening(lent)

    assert service.asked == 1


def test_whoever_may_not_wait_does_not_ask(service: Service) -> None:
    lent = service.lent()

    with pytest.raises(SealError):
        lent.ring(to_seal=True, may_wait=False)

    assert service.asked == 0
    lent.look_after()
    assert lent.ring(to_seal=True, may_wait=False).primary == "k1"


def test_a_ring_is_renewed_in_good_time(service: Service) -> None:
    lent = service.lent()
    waits = [lent.look_after()]
    for _ in range(20):
        service.now += waits[-1]
        waits.append(lent.look_after())

    assert service.asked == 21
    service.now += SECONDS - 1
    assert opening(lent).primary == "k1"
    assert service.asked == 21
