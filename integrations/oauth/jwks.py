"""The provider's public keys (RFC 7517), fetched when a signature asks for them and not more often than is polite."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from integrations.oauth.errors import AddressRefused, ProviderUnavailable
from integrations.oauth.message import Json, Request, Response, Sender, read_object, refuse_unless_answered
from integrations.oauth.single_flight import PATIENT, Patience, SingleFlight

KEEP = timedelta(hours=1)
#: So old, known keys still serve while they cannot be fetched anew; past that, a key that was withdrawn is no key.
GOOD_FOR = 2 * KEEP
FETCHES = 4
FETCHES_WITHIN = timedelta(minutes=1)
KEY_LIMIT = 100
RSA_BITS = 2_048
_MEMBERS = frozenset({"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"})


def read_keys(response: Response) -> list[Key]:
    """Read a key set: the public signing keys that can be used. Others, symmetric keys above all, are left out.

    Raises:
        ProviderUnavailable: not a key set.
    """
    refuse_unless_answered(response)
    members = read_object(response).get("keys") if response.status == 200 else None
    if not isinstance(members, list):
        raise ProviderUnavailable("The response is not a key set.", code="unreadable_response")
    keys = (_read_key(member) for member in members[:KEY_LIMIT])
    return [key for key in keys if key is not None]


@dataclass(slots=True)
class _Known:
    keys: list[Key] = field(default_factory=list)
    fetched_at: datetime | None = None
    failed: bool = False
    fetches: deque[datetime] = field(default_factory=deque)
    flight: SingleFlight = field(default_factory=SingleFlight)

    def is_younger_than(self, age: timedelta, *, now: datetime) -> bool:
        return self.fetched_at is not None and now - self.fetched_at < age


class JwksCache:
    """Key sets by `jwks_uri`, shared by threads.

    However many unknown keys are asked for, a set is fetched `FETCHES` times in `FETCHES_WITHIN`; between two of these
    what is not in it is known not to be. While one thread fetches, or the provider does not answer, known keys serve
    until they are `GOOD_FOR` old; who needs others waits, as patience allows.
    """

    def __init__(self, transport: Sender) -> None:
        self._transport = transport
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def at(self, jwks_uri: str, *, patience: Patience = PATIENT) -> "RemoteKeys":
        """The keys of one provider, as `id_token.validate` takes them; `patience` with what others are fetching."""
        return RemoteKeys(cache=self, jwks_uri=jwks_uri, patience=patience)

    def keys(self, jwks_uri: str, *, now: datetime, anew: bool = False, patience: Patience = PATIENT) -> list[Key]:
        """The keys as known, fetched when there are none or they are old; `anew` asks for a fetch in any case.

        Raises:
            ProviderUnavailable: there are none that are good, and none can be had; or `anew`, and the last fetch failed
                or takes too long.
        """
        with self._lock:
            known = self._known.setdefault(jwks_uri, _Known())

        def is_due() -> bool:
            return (anew or not known.is_younger_than(KEEP, now=now)) and _may_fetch(known, now)

        needed = anew or not known.is_younger_than(GOOD_FOR, now=now)
        has_come = known.flight.renew(
            lambda: self._fetch(jwks_uri, known=known, now=now), is_due=is_due, patience=patience if needed else None
        )
        # Whatever came of the fetch, this one's or another thread's, the keys themselves tell.
        if not known.is_younger_than(GOOD_FOR, now=now) or (anew and (known.failed or not has_come)):
            raise ProviderUnavailable("The provider's keys are not to be had.", code="jwks_unavailable")
        return known.keys

    def _fetch(self, jwks_uri: str, *, known: _Known, now: datetime) -> None:
        known.fetches.append(now)
        request = Request(method="GET", url=jwks_uri, headers={"Accept": "application/json"}, idempotent=True)
        try:
            known.keys = read_keys(self._transport.send(request))
        except (ProviderUnavailable, AddressRefused):
            # Keys that were good a while ago are better than losing a rotated token over the key endpoint.
            known.failed = True
            if known.fetched_at is None:
                raise
            return
        known.fetched_at, known.failed = now, False


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteKeys:
    """One provider's keys."""

    cache: JwksCache = field(repr=False)
    jwks_uri: str
    patience: Patience

    def keys(self, *, now: datetime, anew: bool = False) -> list[Key]:
        """See `JwksCache.keys`."""
        return self.cache.keys(self.jwks_uri, now=now, anew=anew, patience=self.patience)


def _may_fetch(known: _Known, now: datetime) -> bool:
    recent = [moment for moment in known.fetches if abs(now - moment) < FETCHES_WITHIN]
    known.fetches = deque(recent)
    return len(recent) < FETCHES


def _read_key(member: Json) -> Key | None:
    if not isinstance(member, dict) or member.get("use", "sig") != "sig":
        return None
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    public: dict[str, str | list[str]] = {
        name: value for name, value in member.items() if name in _MEMBERS and isinstance(value, str)
    }
    try:
        key = JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS:
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
