"""Rows for tests: plain functions with keyword defaults; tokens and secrets are sealed as in earnest.

    owner = make_user()
    registration = make_registration(origin=provider_server.origin)     # "sandbox" at the fake provider
    connection = make_connection(owner=owner, registration=registration, scope="profile notes:read")
    connection = make_connection(expires_in=-60)                         # its access token has run out

What is not given is made, and differs from call to call.
"""

import itertools
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import Permission, User
from django.utils import timezone

from integrations import vault
from integrations.models import (
    AuthorizationRequest,
    ClientRegistration,
    Connection,
    Event,
    Notice,
    PendingRevocation,
    SweepRun,
    Use,
)
from integrations.models.connection import scope_text
from integrations.vault import Pending, TokenSet

ORIGIN = "http://127.0.0.1:9"
PASSWORD = "correct horse battery staple"
CLIENT_SECRET = "s3cret+/ %:ü"
_numbers = itertools.count(1)


def make_user(
    username: str = "",
    *,
    password: str = PASSWORD,
    is_staff: bool = False,
    is_superuser: bool = False,
    is_active: bool = True,
    permissions: Collection[str] = (),
) -> User:
    """A person who can sign in; `permissions` are code names of ours, such as "change_connection"."""
    username = username or f"person{next(_numbers)}"
    user = User.objects.create_user(
        username,
        email=f"{username}@example.test",
        password=password,
        is_staff=is_staff,
        is_superuser=is_superuser,
        is_active=is_active,
    )
    if permissions:
        rows = Permission.objects.filter(content_type__app_label="integrations", codename__in=permissions)
        user.user_permissions.set(rows)
    return user


def make_registration(
    *,
    slug: str = "",
    provider: str = "sandbox",
    origin: str = ORIGIN,
    variables: Mapping[str, str] | None = None,
    client_id: str = "hub",
    client_secret: str | None = CLIENT_SECRET,
    token_endpoint_auth_method: str = "",
    extra_scope: str = "",
    enabled: bool = True,
    metadata: Mapping[str, object] | None = None,
) -> ClientRegistration:
    """Us at a provider; without `variables` its `origin` is the only one."""
    registration = ClientRegistration.objects.create(
        slug=slug or f"{provider}-{next(_numbers)}",
        provider=provider,
        variables={"origin": origin} if variables is None else dict(variables),
        client_id=client_id,
        token_endpoint_auth_method=token_endpoint_auth_method,
        extra_scope=extra_scope,
        enabled=enabled,
        metadata=dict(metadata or {}),
    )
    vault.seal_client_secret(registration, client_secret)
    registration.save()
    return registration


def make_tokens(
    *,
    access_token: str = "",
    refresh_token: str | None = "",
    id_token: str | None = None,
    token_type: str = "bearer",
) -> TokenSet:
    """Tokens nobody issued; `refresh_token=None` means that there is none."""
    number = next(_numbers)
    return TokenSet(
        access_token=access_token or f"access-{number}",
        refresh_token=f"refresh-{number}" if refresh_token == "" else refresh_token,
        id_token=id_token,
        token_type=token_type,
    )


def make_connection(
    *,
    owner: User | None = None,
    of_the_hub: bool = False,
    registration: ClientRegistration | None = None,
    tokens: TokenSet | None = None,
    sealed: bool = True,
    scope: str | Collection[str] = "profile",
    expires_in: int | None = 3600,
    due_in: int | None = 3000,
    now: datetime | None = None,
    **fields: object,
) -> Connection:
    """A connection with its tokens in the vault (unless `sealed=False`), due `due_in` seconds from `now`.

    `fields` are columns that win over what is worked out here; with a status other than active it is never due.
    """
    now = now or timezone.now()
    tokens = tokens or make_tokens()
    inactive = fields.get("status", Connection.Status.ACTIVE) != Connection.Status.ACTIVE
    columns: dict[str, object] = {
        "owner": None if of_the_hub else owner or make_user(),
        "registration": registration or make_registration(),
        "issuer": "https://issuer.example.test",
        "subject": f"sub-{next(_numbers)}",
        "account_label": "Alice Example",
        "granted_scope": scope_text(frozenset(scope.split() if isinstance(scope, str) else scope)),
        "access_expires_at": None if expires_in is None else now + timedelta(seconds=expires_in),
        "access_lifetime_seconds": None if expires_in is None else max(expires_in, 3600),
        "refresh_due_at": None if inactive or due_in is None else now + timedelta(seconds=due_in),
        "has_refresh_token": tokens.refresh_token is not None,
        "version": 1,
    }
    connection = Connection.objects.create(**(columns | fields))
    if sealed:
        vault.store(connection, tokens)
    return connection


def make_authorization_request(
    *,
    user: User | None = None,
    registration: ClientRegistration | None = None,
    connection: Connection | None = None,
    state: str = "",
    browser: str = "browser",
    scope: str = "profile",
    code_verifier: str = "",
    nonce: str | None = None,
    expires_in: int = 600,
    now: datetime | None = None,
) -> AuthorizationRequest:
    """A connect attempt that has not come back, as `flows.connect.begin` would store it."""
    request = AuthorizationRequest(
        state_hash=vault.fingerprint(state or vault.new_state(), purpose="state"),
        user=user or make_user(),
        browser_hash=vault.fingerprint(browser, purpose="browser"),
        registration=registration or make_registration(),
        connection=connection,
        scope=scope,
        expires_at=(now or timezone.now()) + timedelta(seconds=expires_in),
    )
    vault.seal_pending(request, Pending(code_verifier=code_verifier or "v" * 43, nonce=nonce))
    request.save()
    return request


def make_pending_revocation(
    *,
    connection: Connection | None = None,
    tokens: TokenSet | None = None,
    due_in: int = 0,
    now: datetime | None = None,
) -> PendingRevocation:
    """Tokens that wait to be revoked at the provider."""
    connection = connection or make_connection(status=Connection.Status.REVOKED, sealed=False)
    row = vault.seal_for_revocation(connection, tokens or make_tokens())
    row.next_attempt_at = (now or timezone.now()) + timedelta(seconds=due_in)
    row.save()
    return row


def make_event(
    *,
    kind: Event.Kind = Event.Kind.CONNECTED,
    connection: Connection | None = None,
    actor: str = "",
    details: Mapping[str, object] | None = None,
) -> Event:
    """A fact about a connection."""
    connection = connection or make_connection()
    return Event.objects.create(
        kind=kind,
        connection=connection,
        registration=connection.registration,
        owner=connection.owner,
        actor=actor,
        details=dict(details or {}),
    )


def make_sweep_run(*, now: datetime | None = None, counts: Mapping[str, int] | None = None) -> SweepRun:
    """A sweep that ended."""
    now = now or timezone.now()
    counts = dict(counts or {"refreshed": 3})
    finished_at = now + timedelta(seconds=2)
    return SweepRun.objects.create(
        started_at=now,
        seen_at=finished_at,
        finished_at=finished_at,
        ended=SweepRun.Ending.COMPLETE,
        worker="host:1",
        counts=counts,
        by_provider={"sandbox": counts},
    )


def make_use(
    *, connection: Connection | None = None, actor: str = "nightly import", count: int = 1, now: datetime | None = None
) -> Use:
    """Uses of a connection by one actor on one day, the last of them at `now`."""
    now = now or timezone.now()
    return Use.objects.create(
        connection=connection or make_connection(), actor=actor, day=now.date(), count=count, last_used_at=now
    )


def make_notice(
    *,
    connection: Connection | None = None,
    kind: Notice.Kind = Notice.Kind.NEEDS_YOU,
    **fields: object,
) -> Notice:
    """A notice to the owner of a connection that is as the notice says."""
    status = Connection.Status.NEEDS_REAUTHORIZATION if kind == Notice.Kind.NEEDS_YOU else Connection.Status.ACTIVE
    connection = connection or make_connection(status=status, sealed=False)
    assert connection.owner is not None
    return Notice.objects.create(connection=connection, user=connection.owner, kind=kind, **fields)


def about(notice: Notice) -> Connection:
    """The connection that a notice is about."""
    assert notice.connection is not None
    return notice.connection
