"""A provider's keys, and ID tokens signed with them in any way a test asks for."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from integrations.oauth.jws import ALGORITHMS
from tests.oauth.making import ISSUER

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLIENT_ID = "s6BhdRkqt3"
NONCE = "n-0S6_WzA2Mj"
ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"


@cache
def rsa(name: str = "rsa-1") -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": name})


@cache
def ec(name: str = "ec-1", curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve, parameters={"kid": name})


@cache
def okp(name: str = "okp-1") -> OKPKey:
    return OKPKey.generate_key("Ed25519", parameters={"kid": name})


def at_hash(access_token: str = ACCESS_TOKEN, *, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of §2; a change to None leaves the claim out."""
    whole: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "24400320",
        "aud": CLIENT_ID,
        "nonce": NONCE,
        "exp": SECONDS + 600,
        "iat": SECONDS,
        "auth_time": SECONDS - 5,
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def sign(
    content: dict[str, Any] | bytes,
    *,
    key: Key | None = None,
    alg: str = "RS256",
    kid: str | None = "",
    headers: dict[str, Any] | None = None,
) -> str:
    """Sign; `kid` empty is the key's own, None leaves it out. Headers that joserfc would not write are written."""
    key = key or rsa()
    header: dict[str, Any] = {"alg": alg, "kid": key.kid if kid == "" else kid, **(headers or {})}
    header = {name: value for name, value in header.items() if value is not None}
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    registry = jws.JWSRegistry(algorithms=[*ALGORITHMS, "HS256", "none"], strict_check_header=False)
    model = registry.get_alg(alg)
    signed = f"{_segment(json.dumps(header).encode())}.{_segment(payload)}"
    return f"{signed}.{_segment(model.sign(signed.encode(), key))}"


class FixedKeys:
    """A key source in memory: `before` is known, `after` is what a fetch would bring."""

    def __init__(self, before: Sequence[Key], after: Sequence[Key] | None = None) -> None:
        self._before = before
        self._after = before if after is None else after
        self.fetches = 0

    def keys(self, *, now: datetime, anew: bool = False) -> Sequence[Key]:
        self.fetches += anew
        return self._after if anew else self._before


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
