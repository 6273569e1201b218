"""What the fake provider remembers: accounts, clients, grants and the tokens that hang on them."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.conduct import Conduct, Rotation

CODE_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A person at the provider."""

    name: str
    subject: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredClient:
    """The hub, as this provider knows it."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    token_endpoint_auth_method: str = "client_secret_basic"


@dataclass(kw_only=True)
class Grant:
    """One consent and its token family."""

    account: Account
    client_id: str
    scope: frozenset[str]
    nonce: str | None
    authenticated_at: datetime
    refresh_tokens: list[str] = field(default_factory=list)
    """Every refresh token of the family, the newest last."""
    revoked: bool = False


@dataclass(kw_only=True)
class Code:
    """An authorization code on its way."""

    grant: Grant
    redirect_uri: str
    code_challenge: str
    expires_at: datetime
    used: bool = False


@dataclass(frozen=True, kw_only=True)
class IssuedAccessToken:
    """An access token, and until when."""

    value: str
    grant: Grant
    scope: frozenset[str]
    expires_at: datetime


class Refused(Exception):
    """The provider says no; `args[0]` is the RFC 6749 error code."""

    @property
    def code(self) -> str:
        return str(self.args[0])


class Memory:
    """All state, behind one lock: a request is processed wholly or not at all."""

    def __init__(self, conduct: Conduct, *, clock: Callable[[], datetime]) -> None:
        self.conduct = conduct
        self.clock = clock
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.clients: dict[str, RegisteredClient] = {}
        self.grants: list[Grant] = []
        self.codes: dict[str, Code] = {}
        self.access_tokens: dict[str, IssuedAccessToken] = {}
        self.refresh_uses: Counter[str] = Counter()
        self.reuses_detected = 0
        self.codes_replayed = 0

    def now(self) -> datetime:
        """The provider's own clock."""
        return self.clock() + self.conduct.clock_skew

    def consent(self, account: Account, *, client_id: str, scope: frozenset[str], nonce: str | None) -> Grant:
        grant = Grant(
            account=account,
            client_id=client_id,
            scope=scope,
            nonce=nonce,
            authenticated_at=self.now(),
        )
        self.grants.append(grant)
        return grant

    def new_code(self, grant: Grant, *, redirect_uri: str, code_challenge: str) -> str:
        value = f"code-{secrets.token_urlsafe(24)}"
        self.codes[value] = Code(
            grant=grant,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            expires_at=self.now() + CODE_LIFETIME,
        )
        return value

    def redeem(self, value: str, *, client_id: str) -> Code:
        """Use a code up; a second use revokes what the first one gave (RFC 6749 §4.1.2)."""
        code = self.codes.get(value)
        if code is None or code.grant.client_id != client_id or code.expires_at <= self.now():
            raise Refused("invalid_grant")
        if code.used:
            self.codes_replayed += 1
            code.grant.revoked = True
            raise Refused("invalid_grant")
        code.used = True
        return code

    def grant_of_refresh_token(self, value: str, *, client_id: str) -> Grant:
        """The living grant of a refresh token; a used-up one revokes its family (RFC 9700 §4.14.2)."""
        grant = next((g for g in self.grants if value in g.refresh_tokens), None)
        if grant is None or grant.client_id != client_id or grant.revoked:
            raise Refused("invalid_grant")
        self.refresh_uses[value] += 1
        graced = self.conduct.rotation is Rotation.GRACE and value in grant.refresh_tokens[-2:]
        if value != grant.refresh_tokens[-1] and not graced:
            self.reuses_detected += 1
            grant.revoked = True
            raise Refused("invalid_grant")
        return grant

    def new_access_token(self, grant: Grant, *, scope: frozenset[str]) -> IssuedAccessToken:
        lifetime = self.conduct.expires_in
        seconds = lifetime if isinstance(lifetime, int) else 3600
        token = IssuedAccessToken(
            value=f"access-{secrets.token_urlsafe(24)}",
            grant=grant,
            scope=scope,
            expires_at=self.now() + timedelta(seconds=seconds),
        )
        self.access_tokens[token.value] = token
        return token

    def new_refresh_token(self, grant: Grant) -> str:
        value = f"refresh-{secrets.token_urlsafe(24)}"
        grant.refresh_tokens.append(value)
        return value

    def active(self, value: str) -> IssuedAccessToken | None:
        """The access token, if it is good at this moment."""
        token = self.access_tokens.get(value)
        if token is None or token.grant.revoked or token.expires_at <= self.now():
            return None
        return token

    def revoke(self, value: str, *, client_id: str) -> None:
        """RFC 7009 §2.1: a refresh token takes its whole grant with it; an unknown token is no error."""
        for grant in self.grants:
            if value in grant.refresh_tokens and grant.client_id == client_id:
                grant.revoked = True
        token = self.access_tokens.get(value)
        if token is not None and token.grant.client_id == client_id:
            del self.access_tokens[value]

    def secrets_issued(self) -> list[str]:
        """Every code and token ever handed out: what must not be found where it does not belong."""
        refresh_tokens = [value for grant in self.grants for value in grant.refresh_tokens]
        return [*self.codes, *self.access_tokens, *refresh_tokens]
