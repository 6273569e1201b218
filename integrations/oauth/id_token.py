"""ID tokens (OpenID Connect Core §2, §3.1.3.7, §12.2): the checks in the specification's order, none of them
optional."""

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from integrations.oauth.errors import IdentityRefused, printable
from integrations.oauth.message import Json, parse_json
from integrations.oauth.userinfo import read_subject

SIZE_LIMIT = 64_000
# The hash that at_hash uses follows the algorithm (§3.1.3.6); this is also the list of what the hub accepts
# at all.
HASHES = {
    "RS256": "sha256",
    "RS384": "sha384",
    "RS512": "sha512",
    "PS256": "sha256",
    "PS384": "sha384",
    "PS512": "sha512",
    "ES256": "sha256",
    "ES384": "sha384",
    "ES512": "sha512",
    "EdDSA": "sha512",
    "Ed25519": "sha512",
}
ALGORITHMS = frozenset(HASHES)
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_TYPES = frozenset({"", "jwt"})
# A key, or the address of one, that the token brings itself; and extensions that must be understood.
_REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_TENANT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class KeySource(Protocol):
    """Where keys come from; `jwks.RemoteKeys` is one."""

    def keys(self, *, now: datetime, anew: bool = False) -> Sequence[Key]:
        """The keys as known; `anew` asks to fetch them again, which may be declined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviousIdentity:
    """What the ID token of the same grant said before (§12.2); what is None or empty is not compared."""

    issuer: str
    subject: str
    audience: frozenset[str] = frozenset()
    nonce: str | None = field(default=None, repr=False)
    auth_time: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a valid ID token says. `texts` are the other text claims, made harmless, for labels only."""

    issuer: str
    subject: str
    audience: frozenset[str]
    nonce: str | None = field(repr=False)
    auth_time: int | None
    texts: Mapping[str, str] = field(repr=False)


def validate(
    id_token: str,
    *,
    jwks: KeySource,
    issuer: str,
    client_id: str,
    algorithms: Collection[str],
    nonce: str | None,
    access_token: str | None,
    now: datetime,
    leeway_seconds: int,
    previous: PreviousIdentity | None = None,
    trusted_audiences: frozenset[str] = frozenset(),
) -> Claims:
    """Validate an ID token of the token endpoint; `previous` is given when it came with a refresh.

    Raises:
        IdentityRefused: it proves nothing. Store nothing of this response.
        ProviderUnavailable: the keys are not to be had. Later.
    """
    header = _header(id_token)
    algorithm = _algorithm(header, algorithms)
    claims = _verified(id_token, kid=header.get("kid"), algorithm=algorithm, jwks=jwks, now=now)
    if "events" in claims:
        raise IdentityRefused("A logout or security event token is not an ID token.", code="token_kind")
    found = _read_claims(claims, issuer=issuer)
    _check_audience(claims, found.audience, ours=client_id, trusted=trusted_audiences)
    _check_times(claims, now=now, leeway_seconds=leeway_seconds)
    if previous is None:
        _check_nonce(found.nonce, nonce)
    else:
        _check_previous(found, previous)
    _check_at_hash(claims.get("at_hash"), access_token=access_token, algorithm=algorithm)
    return found


def remembered(id_token: str | None, *, issuer: str, subject: str) -> PreviousIdentity:
    """Read back what an ID token that was validated when it came said; without one, only who it was about."""
    if id_token is None:
        return PreviousIdentity(issuer=issuer, subject=subject)
    claims = _object(id_token.split(".")[1])
    nonce, auth_time = claims.get("nonce"), _time(claims.get("auth_time"))
    return PreviousIdentity(
        issuer=issuer,
        subject=subject,
        audience=_audience(claims.get("aud")),
        nonce=nonce if isinstance(nonce, str) else None,
        auth_time=None if auth_time is None else int(auth_time),
    )


def _header(id_token: str) -> dict[str, Json]:
    segments = id_token.split(".")
    if len(segments) != 3 or len(id_token) > SIZE_LIMIT:
        raise IdentityRefused("The ID token is not a signed JWT.", code="malformed")
    header = _object(segments[0])
    if not _REFUSED_HEADERS.isdisjoint(header):
        raise IdentityRefused("The ID token's header has what it must not have.", code="header")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise IdentityRefused("Another kind of token is not an ID token.", code="token_kind")
    return header


def _object(segment: str) -> dict[str, Json]:
    try:
        padded = segment + "=" * (-len(segment) % 4)
        document = parse_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise IdentityRefused("The ID token is not a signed JWT.", code="malformed")
    return document


def _algorithm(header: Mapping[str, Json], algorithms: Collection[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS.intersection(algorithms):
        raise IdentityRefused("The ID token is signed by an algorithm that is not allowed.", code="algorithm")
    return algorithm


def _verified(id_token: str, *, kid: Json, algorithm: str, jwks: KeySource, now: datetime) -> dict[str, Json]:
    # A second look at the keys, for a rotation: under a new kid, or under the old one.
    for anew in (False, True):
        for key in _candidates(jwks.keys(now=now, anew=anew), kid=kid, algorithm=algorithm):
            if _signed_by(id_token, key=key, algorithm=algorithm):
                return _object(id_token.split(".")[1])
    raise IdentityRefused("No key of the provider made this signature.", code="signature")


def _candidates(keys: Sequence[Key], *, kid: Json, algorithm: str) -> list[Key]:
    kind = _KEY_TYPES[algorithm[:2]]
    fitting = (key for key in keys if key.key_type == kind and key.get("alg", algorithm) == algorithm)
    return [key for key in fitting if kid is None or key.get("kid") == kid]


def _signed_by(id_token: str, *, key: Key, algorithm: str) -> bool:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(id_token, key, registry=registry)
    except (JoseError, ValueError):
        return False
    return True


def _read_claims(claims: Mapping[str, Json], *, issuer: str) -> Claims:
    if claims.get("iss") != _issuer(issuer, claims.get("tid")):
        raise IdentityRefused("The ID token is of another issuer.", code="iss")
    subject, nonce, auth_time = claims.get("sub"), claims.get("nonce"), _time(claims.get("auth_time"))
    return Claims(
        issuer=str(claims["iss"]),
        subject=read_subject(subject if isinstance(subject, str) else ""),
        audience=_audience(claims.get("aud")),
        nonce=nonce if isinstance(nonce, str) else None,
        auth_time=None if auth_time is None else int(auth_time),
        texts={name: printable(value) for name, value in claims.items() if isinstance(value, str)},
    )


def _issuer(issuer: str, tenant_id: Json) -> str:
    # Microsoft's issuer for more than one tenant is a template; its `tid` claim fills it:
    # https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#validate-the-issuer
    if "{tenantid}" in issuer and isinstance(tenant_id, str) and _TENANT_ID.fullmatch(tenant_id):
        return issuer.replace("{tenantid}", tenant_id)
    return issuer


def _audience(aud: Json) -> frozenset[str]:
    values = [aud] if isinstance(aud, str) else aud
    if not isinstance(values, list) or not values:
        raise IdentityRefused("The ID token has no audience.", code="aud")
    return frozenset(value if isinstance(value, str) else "" for value in values)


def _check_audience(
    claims: Mapping[str, Json], audience: frozenset[str], *, ours: str, trusted: frozenset[str]
) -> None:
    if ours not in audience or not audience <= trusted | {ours}:
        raise IdentityRefused("The ID token is for another audience.", code="aud")
    azp = claims.get("azp")
    if (azp is None and len(audience) > 1) or (azp is not None and azp != ours):
        raise IdentityRefused("The ID token was issued to another party.", code="azp")


def _check_times(claims: Mapping[str, Json], *, now: datetime, leeway_seconds: int) -> None:
    seconds = now.timestamp()
    expires, issued = _time(claims.get("exp")), _time(claims.get("iat"))
    not_before = _time(claims.get("nbf", 0))
    if expires is None or seconds >= expires + leeway_seconds:
        raise IdentityRefused("The ID token has expired, or does not say when it does.", code="exp")
    if issued is None or issued > seconds + leeway_seconds:
        raise IdentityRefused("The ID token is from the future, or does not say when it is from.", code="iat")
    if not_before is None or not_before > seconds + leeway_seconds:
        raise IdentityRefused("The ID token is not valid yet.", code="nbf")


def _time(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _check_nonce(found: str | None, sent: str | None) -> None:
    if found is None and sent is None:
        return
    if not found or not sent or not hmac.compare_digest(found.encode(), sent.encode()):
        raise IdentityRefused("The ID token is not of this attempt.", code="nonce")


def _check_previous(found: Claims, previous: PreviousIdentity) -> None:
    if found.issuer != previous.issuer:
        raise IdentityRefused("The ID token is of another issuer than before.", code="iss")
    if found.subject != previous.subject:
        raise IdentityRefused("The ID token is of another account than before.", code="sub_mismatch")
    if previous.audience and found.audience != previous.audience:
        raise IdentityRefused("The ID token is for another audience than before.", code="aud")
    if found.nonce is not None and previous.nonce is not None:
        _check_nonce(found.nonce, previous.nonce)
    if None not in (found.auth_time, previous.auth_time) and found.auth_time != previous.auth_time:
        raise IdentityRefused("The ID token tells another time of sign-in than before.", code="auth_time")


def _check_at_hash(at_hash: Json, *, access_token: str | None, algorithm: str) -> None:
    if at_hash is None:
        return
    digest = hashlib.new(HASHES[algorithm], (access_token or "").encode()).digest()
    expected = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not isinstance(at_hash, str) or not access_token or not hmac.compare_digest(at_hash.encode(), expected.encode()):
        raise IdentityRefused("The ID token is of another access token.", code="at_hash")
