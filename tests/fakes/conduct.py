"""How the fake provider behaves for as long as a test wants it so: rotation, scope, identity, clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum, auto
from typing import Any


class Rotation(StrEnum):
    """What a refresh does to the refresh token."""

    ALWAYS = auto()
    """A new one each time; the old one used again revokes the family (RFC 9700 §4.14.2)."""
    NEVER = auto()
    """The same one for ever, and not repeated in the answer (RFC 6749 §6)."""
    GRACE = auto()
    """A new one each time; the immediately preceding one still works until its successor is used."""


@dataclass(kw_only=True)
class Conduct:
    """The knobs; a test sets them on `server.conduct` at any time."""

    rotation: Rotation = Rotation.ALWAYS
    issue_refresh_token: bool = True
    expires_in: int | str | None = 3600
    token_type: str = "Bearer"
    granted_scope: frozenset[str] | None = None
    """What is granted at the authorization endpoint; None = what was asked for."""
    refreshed_scope: frozenset[str] | None = None
    """What a refresh answers; None = what the grant has."""
    say_scope: bool = True
    extra_token_members: Mapping[str, Any] = field(default_factory=dict)
    require_pkce: bool = True
    code_challenge_methods: tuple[str, ...] | None = ("S256",)
    iss_advertised: bool = True
    iss: str | None = ""
    """The `iss` of authorization responses: None = absent, "" = the true issuer, else a lie."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Members of the metadata document to replace; None takes one away."""
    clock_skew: timedelta = timedelta()
    """How far the provider's clock is ahead of ours."""
    says_date: bool = True
    id_token_on_refresh: bool = True
    id_token_claims: Mapping[str, Any] = field(default_factory=dict)
    """Claims to replace in id_tokens; None takes one away."""
    refusing_tenants: frozenset[str] = frozenset()
    """Prefixes of tenants whose token endpoint does not know the client."""
    userinfo_claims: Mapping[str, Any] = field(default_factory=dict)
