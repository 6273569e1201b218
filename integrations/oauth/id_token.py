"""ID tokens (OpenID Connect Core §2, §3.1.3.7, §12.2): the checks in the specification's order, none of them
optional."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from integrations.oauth import jws
from integrations.oauth.errors import IdentityRefused, printable
from integrations.oauth.message import Json
from integrations.oauth.userinfo import read_subject

# The hash that at_hash uses follows the algorithm (§3.1.3.6).
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
_TYPES = frozenset({"", "jwt"})
_TENANT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
    jwks: jws.KeySource,
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
    claims = _verified(id_token, header, algorithm=algorithm, jwks=jwks, now=now)
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
    nonce, auth_time = claims.get("nonce"), jws.seconds(claims.get("auth_time"))
    return PreviousIdentity(
        issuer=issuer,
        subject=subject,
        audience=_audience(claims.get("aud")),
        nonce=nonce if isinstance(nonce, str) else None,
        auth_time=None if auth_time is None else int(auth_time),
    )


def _header(id_token: str) -> dict[str, Json]:
    try:
        header, _ = jws.segments(id_token)
    except ValueError:
        raise IdentityRefused("The ID token is not a signed JWT.", code="malformed") from None
    if not jws.REFUSED_HEADERS.isdisjoint(header):
        raise IdentityRefused("The ID token's header has what it must not have.", code="header")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise IdentityRefused("Another kind of token is not an ID token.", code="token_kind")
    return header


def _object(segment: str) -> dict[str, Json]:
    try:
        return jws.read_object(segment)
    except ValueError:
        raise IdentityRefused("The ID token is not a signed JWT.", code="malformed") from None


def _algorithm(header: Mapping[str, Json], algorithms: Collection[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in jws.ALGORITHMS.intersection(algorithms):
        raise IdentityRefused("The ID token is signed by an algorithm that is not allowed.", code="algorithm")
    return algorithm


def _verified(
    id_token: str, header: Mapping[str, Json], *, algorithm: str, jwks: jws.KeySource, now: datetime
) -> dict[str, Json]:
    if not jws.is_signed(id_token, header, algorithm=algorithm, jwks=jwks, now=now):
        raise IdentityRefused("No key of the provider made this signature.", code="signature")
    return _object(id_token.split(".")[1])


def _read_claims(claims: Mapping[str, Json], *, issuer: str) -> Claims:
    if claims.get("iss") != _issuer(issuer, claims.get("tid")):
        raise IdentityRefused("The ID token is of another issuer.", code="iss")
    subject, nonce, auth_time = claims.get("sub"), claims.get("nonce"), jws.seconds(claims.get("auth_time"))
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
    expires, issued = jws.seconds(claims.get("exp")), jws.seconds(claims.get("iat"))
    not_before = jws.seconds(claims.get("nbf", 0))
    if expires is None or seconds >= expires + leeway_seconds:
        raise IdentityRefused("The ID token has expired, or does not say when it does.", code="exp")
    if issued is None or issued > seconds + leeway_seconds:
        raise IdentityRefused("The ID token is from the future, or does not say when it is from.", code="iat")
    if not_before is None or not_before > seconds + leeway_seconds:
        raise IdentityRefused("The ID token is not valid yet.", code="nbf")


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
