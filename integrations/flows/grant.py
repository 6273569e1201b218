"""What a token response means for a connection's row: one place for connect, refresh, sweep and journal."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations import vault
from integrations.flows.schedule import refresh_due_at
from integrations.models import Connection
from integrations.models.connection import scope_text
from integrations.oauth.server import Dialect
from integrations.oauth.token import TokenResponse
from integrations.vault import TokenSet, sealed_under


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A connection's next state: row fields, and the tokens that go into its vault entry in the same commit."""

    tokens: TokenSet
    scope: frozenset[str]
    unexpected: frozenset[str]
    sent_at: datetime
    access_expires_at: datetime | None
    access_lifetime_seconds: int | None
    refresh_expires_at: datetime | None
    refresh_due_at: datetime | None
    provider_data: dict[str, str]

    def fields(self) -> dict[str, object]:
        """The columns in which one grant differs from another; with the next version and `RENEWED` they are all."""
        return {
            "granted_scope": scope_text(self.scope),
            "unexpected_scope": scope_text(self.unexpected),
            "access_expires_at": self.access_expires_at,
            "access_lifetime_seconds": self.access_lifetime_seconds,
            "refresh_expires_at": self.refresh_expires_at,
            "refresh_due_at": self.refresh_due_at,
            "has_refresh_token": self.tokens.refresh_token is not None,
            "provider_data": self.provider_data,
            "last_refreshed_at": self.sent_at,
        }


def renewed(
    connection: Connection,
    response: TokenResponse,
    *,
    previous: TokenSet,
    dialect: Dialect,
    sent_at: datetime,
) -> Grant:
    """The state after a refresh. The scope can shrink, never grow (RFC 6749 §6): what is more is unexpected."""
    told = connection.scope | connection.unexpected if response.scope is None else response.scope
    return granted(
        response,
        scope=connection.scope & told,
        unexpected=told - connection.scope,
        previous=previous,
        dialect=dialect,
        sent_at=sent_at,
        seed=f"{connection.uuid}:{connection.version}",
        kept=connection.provider_data,
        refresh_expires_at=connection.refresh_expires_at if response.refresh_token is None else None,
    )


def granted(
    response: TokenResponse,
    *,
    scope: frozenset[str],
    unexpected: frozenset[str],
    previous: TokenSet | None,
    dialect: Dialect,
    sent_at: datetime,
    seed: str,
    kept: dict[str, str],
    refresh_expires_at: datetime | None = None,
) -> Grant:
    """The state after a token response; `sent_at` is when its request left."""
    tokens = TokenSet.of(response, previous=previous)
    refresh_expires_in = response.refresh_expires_in
    if refresh_expires_in is not None and tokens.refresh_token is not None:
        refresh_expires_at = sent_at + timedelta(seconds=refresh_expires_in)
    expires_in = response.expires_in
    return Grant(
        tokens=tokens,
        scope=scope,
        unexpected=unexpected,
        sent_at=sent_at,
        access_expires_at=None if expires_in is None else sent_at + timedelta(seconds=expires_in),
        access_lifetime_seconds=expires_in,
        refresh_expires_at=refresh_expires_at,
        refresh_due_at=refresh_due_at(
            sent_at=sent_at,
            expires_in=expires_in,
            has_refresh_token=tokens.refresh_token is not None,
            keepalive_days=dialect.keepalive_days,
            seed=seed,
        ),
        provider_data={**kept, **response.extra},
    )


def seal(connection: Connection, grant: Grant) -> tuple[bytes, str]:
    """The vault entry of a connection's next version, and the id of the key it is sealed under."""
    sealed = vault.seal_tokens(connection, grant.tokens, version=connection.version + 1)
    return sealed, sealed_under(sealed)
