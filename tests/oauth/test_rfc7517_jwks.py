"""RFC 7517: the provider's keys, and how often they are fetched (OpenID Connect Core §10.1.1)."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import AddressRefused, IdentityRefused, ProviderUnavailable
from integrations.oauth.jwks import FETCHES, FETCHES_WITHIN, GOOD_FOR, KEEP, JwksCache, read_keys
from integrations.oauth.message import Request, Response
from integrations.oauth.single_flight import Patience
from tests.oauth.judging import validated
from tests.oauth.making import make_response
from tests.oauth.signing import NOW, claims, ec, okp, rsa, sign

URI = "https://server.example.com/jwks"
#: Known keys are not fresh any more, and serve still.
LATE = NOW + GOOD_FOR - timedelta(seconds=1)


class Provider:
    """A sender that answers with a key set, and counts."""

    policy = AddressPolicy()

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.fetches = 0
        self.status = 200
        self.is_inside = False
        self.arrived, self.released = Event(), Event()
        self.released.set()

    def send(self, request: Request) -> Response:
        self.fetches += 1
        self.arrived.set()
        assert self.released.wait(60)
        if self.is_inside:
            raise AddressRefused("The host has no public address.")
        return make_response({"keys": [key.as_dict(private=False) for key in self.keys]}, status=self.status)


def public(key: Any, **changes: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **changes}


def test_signing_keys_are_read_and_nothing_private_is_kept() -> None:
    keys = read_keys(make_response({"keys": [rsa().as_dict(private=True), public(ec()), public(okp())]}))

    assert [key.kid for key in keys] == ["rsa-1", "ec-1", "okp-1"]
    assert not any(key.is_private for key in keys)


@pytest.mark.requirement(51)
@pytest.mark.parametrize(
    "member",
    [
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},
        {"kty": "RSA"},
        {"kty": "unheard"},
        {"n": "x"},
        "text",
        None,
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        public(rsa(), use="enc"),
        public(rsa(), key_ops=["encrypt"]),
        public(rsa(), key_ops="verify"),
    ],
)
def test_what_is_not_a_strong_public_signing_key_is_left_out(member: Any) -> None:
    assert [key.kid for key in read_keys(make_response({"keys": [member, public(ec())]}))] == ["ec-1"]


@pytest.mark.requirement(51)
@pytest.mark.filterwarnings("ignore:Key size")
def test_a_weak_rsa_key_is_left_out() -> None:
    weak = RSAKey.generate_key(1024).as_dict(private=False)

    assert read_keys(make_response({"keys": [weak]})) == []


@pytest.mark.requirement(46, 44)
@pytest.mark.parametrize(
    "response",
    [
        make_response({"keys": {}}),
        make_response({}),
        make_response([]),
        make_response(b"<html>"),
        make_response({"keys": []}, status=404),
        make_response({"keys": []}, status=302),
        make_response({"keys": []}, status=503),
    ],
)
def test_what_is_not_a_key_set_is_a_passing_failure(response: Response) -> None:
    with pytest.raises(ProviderUnavailable):
        read_keys(response)


def test_keys_are_fetched_once_and_again_when_they_are_old() -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)

    for minutes in (0, 1, 30, 59):
        assert [key.kid for key in source.keys(now=NOW + timedelta(minutes=minutes))] == ["rsa-1"]
    assert provider.fetches == 1

    source.keys(now=NOW + KEEP)
    assert provider.fetches == 2


@pytest.mark.requirement(58)
def test_a_flood_of_unknown_kids_makes_few_fetches() -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)

    for number in range(50):
        with pytest.raises(IdentityRefused):
            validated(sign(claims(), key=rsa("attacker"), kid=f"unknown-{number}"), jwks=source)

    assert provider.fetches == FETCHES


@pytest.mark.requirement(58)
def test_fetching_is_allowed_again_after_a_while() -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)
    for _ in range(10):
        source.keys(now=NOW, anew=True)

    source.keys(now=NOW + FETCHES_WITHIN, anew=True)

    assert provider.fetches == FETCHES + 1


@pytest.mark.requirement(58)
def test_a_rotated_key_is_found() -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)
    validated(sign(claims()), jwks=source)

    provider.keys = [rsa("rsa-2")]

    assert validated(sign(claims(), key=rsa("rsa-2")), jwks=source).subject == "24400320"
    assert provider.fetches == 2


@pytest.mark.requirement(58)
def test_an_endpoint_that_is_down_is_not_hammered_either() -> None:
    provider = Provider(rsa())
    provider.status = 503
    source = JwksCache(provider).at(URI)

    for _ in range(20):
        with pytest.raises(ProviderUnavailable):
            source.keys(now=NOW)

    assert provider.fetches == FETCHES


@pytest.mark.parametrize(("status", "is_inside"), [(503, False), (200, True)])
def test_known_keys_serve_while_the_endpoint_is_down_or_not_to_be_asked(status: int, is_inside: bool) -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)
    source.keys(now=NOW)
    provider.status, provider.is_inside = status, is_inside

    assert [key.kid for key in source.keys(now=LATE)] == ["rsa-1"]


@pytest.mark.requirement(51, 73)
def test_keys_that_are_too_old_serve_nobody_while_the_endpoint_is_down() -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)
    source.keys(now=NOW)
    provider.status = 503

    for _ in range(FETCHES + 1):
        with pytest.raises(ProviderUnavailable) as caught:
            source.keys(now=NOW + GOOD_FOR)
        assert caught.value.code == "jwks_unavailable"
    assert provider.fetches == 1 + FETCHES

    provider.status = 200
    assert [key.kid for key in source.keys(now=NOW + GOOD_FOR + FETCHES_WITHIN)] == ["rsa-1"]


@pytest.mark.requirement(58, 73)
def test_a_rotation_while_the_endpoint_is_down_is_a_passing_failure() -> None:
    provider = Provider(rsa())
    source = JwksCache(provider).at(URI)
    source.keys(now=NOW)
    provider.status = 503

    with pytest.raises(ProviderUnavailable) as caught:
        validated(sign(claims(), key=rsa("rsa-2")), jwks=source)

    assert caught.value.code == "jwks_unavailable"


def test_each_provider_has_its_own_keys() -> None:
    provider = Provider(rsa())
    cache = JwksCache(provider)

    cache.at(URI).keys(now=NOW)
    cache.at(URI + "2").keys(now=NOW)

    assert provider.fetches == 2


# -- a provider that answers slowly


@contextmanager
def fetching(provider: Provider, cache: JwksCache, *, now: datetime = NOW) -> Iterator[ThreadPoolExecutor]:
    """The keys are known, and one thread waits for the provider, which answers when this ends."""
    cache.at(URI).keys(now=NOW)
    provider.arrived.clear()
    provider.released.clear()
    with ThreadPoolExecutor(9) as pool:
        try:
            first = pool.submit(cache.at(URI).keys, now=now, anew=True)
            assert provider.arrived.wait(60)
            yield pool
            assert not first.done()
        finally:
            provider.released.set()
    assert first.result()


def test_known_keys_serve_while_the_set_is_fetched() -> None:
    provider = Provider(rsa())
    cache = JwksCache(provider)

    with fetching(provider, cache) as pool:
        fresh, stale = (pool.submit(cache.at(URI).keys, now=now) for now in (NOW, LATE))
        assert [[key.kid for key in asked.result(timeout=10)] for asked in (fresh, stale)] == [["rsa-1"], ["rsa-1"]]


@pytest.mark.requirement(51)
def test_a_key_that_was_withdrawn_long_ago_is_none_while_the_set_is_fetched() -> None:
    provider = Provider(rsa())
    cache = JwksCache(provider)
    sent, now = sign(claims()), NOW + GOOD_FOR
    hurried, patient = (Patience(seconds=seconds, with_at_most=1) for seconds in (0, 60))

    with fetching(provider, cache, now=now) as pool:
        provider.keys = [rsa("rsa-2")]
        with pytest.raises(ProviderUnavailable):
            pool.submit(validated, sent, jwks=cache.at(URI, patience=hurried), now=now).result(timeout=10)
        asked = [pool.submit(cache.at(URI, patience=patient).keys, now=now) for _ in range(2)]
        refused, waiting = wait(asked, timeout=10, return_when=FIRST_COMPLETED)
        assert [type(one.exception()) for one in refused] == [ProviderUnavailable]

    assert [[key.kid for key in one.result()] for one in waiting] == [["rsa-2"]]


@pytest.mark.requirement(58)
def test_who_needs_an_unknown_key_waits_a_while_and_with_few_others() -> None:
    provider = Provider(rsa())
    cache = JwksCache(provider)
    patient, hurried = Patience(seconds=60, with_at_most=2), Patience(seconds=0, with_at_most=9)

    with fetching(provider, cache) as pool:
        with pytest.raises(ProviderUnavailable):
            pool.submit(cache.at(URI, patience=hurried).keys, now=NOW, anew=True).result(timeout=10)
        asked = [pool.submit(cache.at(URI, patience=patient).keys, now=NOW, anew=True) for _ in range(3)]
        refused, waiting = wait(asked, timeout=10, return_when=FIRST_COMPLETED)
        assert [type(one.exception()) for one in refused] == [ProviderUnavailable]
        assert len(waiting) == 2

    assert [[key.kid for key in one.result()] for one in waiting] == [["rsa-1"], ["rsa-1"]]
    assert provider.fetches == 2
