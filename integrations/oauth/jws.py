"""Signed tokens (RFC 7515, RFC 7519) as both kinds the hub reads have them: taken apart, and held against keys.

Nothing is believed before the signature is: not the algorithm, not a key or an address that the token brings along.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from integrations.oauth.message import Json, parse_json

SIZE_LIMIT = 64_000
#: What is accepted at all, and the keys that go with it; `none` and shared secrets are not among them.
KEY_TYPES = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
    "Ed25519": "OKP",
}
ALGORITHMS = frozenset(KEY_TYPES)
#: A key, or the address of one, that the token brings itself; and extensions that must be understood.
REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})


class KeySource(Protocol):
    """Where keys come from; `jwks.RemoteKeys` is one."""

    def keys(self, *, now: datetime, anew: bool = False) -> Sequence[Key]:
        """The keys as known; `anew` asks to fetch them again, which may be declined."""


def segments(token: str) -> tuple[dict[str, Json], dict[str, Json]]:
    """Header and payload of a compact token, unverified.

    Raises:
        ValueError: it is none.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(token) > SIZE_LIMIT:
        raise ValueError("not a signed token")
    return read_object(parts[0]), read_object(parts[1])


def read_object(segment: str) -> dict[str, Json]:
    """Read one segment as a JSON object.

    Raises:
        ValueError: it is none.
    """
    padded = segment + "=" * (-len(segment) % 4)
    document = parse_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004
    return document


def is_signed(token: str, header: Mapping[str, Json], *, algorithm: str, jwks: KeySource, now: datetime) -> bool:
    """Whether one of the keys made the signature; they are fetched once more before the answer is no.

    Raises:
        ProviderUnavailable: the keys are not to be had. Later.
    """
    # A second look at the keys, for a rotation: under a new kid, or under the old one.
    for anew in (False, True):
        for key in _candidates(jwks.keys(now=now, anew=anew), kid=header.get("kid"), algorithm=algorithm):
            if _signed_by(token, key=key, algorithm=algorithm):
                return True
    return False


def seconds(value: Json) -> float | None:
    """A NumericDate (RFC 7519 §2); None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _candidates(keys: Sequence[Key], *, kid: Json, algorithm: str) -> list[Key]:
    kind = KEY_TYPES[algorithm]
    fitting = (key for key in keys if key.key_type == kind and key.get("alg", algorithm) == algorithm)
    return [key for key in fitting if kid is None or key.get("kid") == kid]


def _signed_by(token: str, *, key: Key, algorithm: str) -> bool:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError):
        return False
    return True
