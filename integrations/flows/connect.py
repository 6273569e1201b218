"""Connect an account: `begin` sends the person to the provider, `complete` takes what they bring back.

Whoever starts an attempt finishes it: same person, same browser session, same registration, once, within ten minutes.
Anything else stops before a token request is made.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Protocol

from django.db import DatabaseError

from integrations import vault
from integrations.flows import allow, attempts, disconnect, pending, settle, watched
from integrations.flows.attempts import Trail
from integrations.flows.clients import client_for, provider_of, transport
from integrations.flows.errors import ConnectionUnusable, ConnectRefused
from integrations.flows.events import record_unless_gone
from integrations.flows.identify import identify, look_up
from integrations.flows.keep import Brought, Kept, keep
from integrations.models import AuthorizationRequest, ClientRegistration, Connection, ConnectLink, Event
from integrations.models.connection import scope_text
from integrations.oauth.client import Client
from integrations.oauth.errors import AuthorizationFailed, OAuthError, Remedy
from integrations.oauth.pkce import code_challenge
from integrations.oauth.token import TokenResponse
from integrations.providers.provider import Feature
from integrations.vault import Pending

logger = logging.getLogger(__name__)


class Person(Protocol):
    """Who connects: a signed-in user of the hub."""

    pk: int
    is_active: bool

    def get_username(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """`missing` are the features asked for whose scope was not granted; see `keep.Kept` for the rest."""

    connection: Connection
    created: bool
    missing: tuple[Feature, ...]
    lost: tuple[Feature, ...]
    unexpected: frozenset[str]
    return_to: str


def begin(
    *,
    user: Person,
    browser: str,
    registration: ClientRegistration,
    features: Collection[str],
    variables: Mapping[str, str] = MappingProxyType({}),
    connection: Connection | None = None,
    link: ConnectLink | None = None,
    return_to: str = "",
    now: datetime,
    ip: str = "",
    request_id: str = "",
) -> str:
    """Remember an attempt and return the authorization URL to send this browser to (RFC 6749 §4.1.1, RFC 7636 §4.3).

    `browser` is an unguessable value kept in the browser's session. `variables` are the person's answers to what the
    provider asks of persons. With a `connection` the attempt asks for what it has and the features' scope together, at
    the instance it is at, and must come back with the same account. `link` is the one of an application that led here.
    `request_id` is what a person who needs help tells an operator, who finds the attempt by it.

    Raises:
        ConnectionUnusable: the registration is switched off, or the connection is gone.
        UnknownFeature: the provider has none of that name.
        VariableRefused: an answer is missing or does not fit.
        OAuthError: the provider cannot do what the hub insists on (PKCE).
    """
    with attempts.beginning(user.pk, registration, connection, now=now, request_id=request_id) as trail:
        _require_open(user, registration)
        _require_theirs(connection, user, registration)
        request = AuthorizationRequest(
            user_id=user.pk,
            registration=registration,
            connection=connection,
            link=link,
            features=sorted(features),
            return_to=return_to if _is_local(return_to) else "",
        )
        url, state, secrets = _asked(request, trail, variables, now=now)
    pending.remember(request, trail, state=state, browser=browser, secrets=secrets, now=now)
    return url


def _asked(
    request: AuthorizationRequest, trail: Trail, variables: Mapping[str, str], *, now: datetime
) -> tuple[str, str, Pending]:
    """Settle what an attempt asks for, and where: the authorization URL, its `state`, and what must stay here."""
    registration, connection = request.registration, request.connection
    instance = _answers(registration, variables) if connection is None else connection.variables
    client, scope = _client(registration, instance, now=now), _scope(registration, request.features, connection)
    request.variables, request.scope = instance, scope_text(scope)
    state, secrets = vault.new_state(), pending.new(scope)
    url = client.authorization_url(
        state=state,
        code_challenge=code_challenge(secrets.code_verifier) if client.uses_pkce else None,
        nonce=secrets.nonce,
        scope=scope,
        incremental=connection is not None,
    )
    trail.asked(client, url)
    return url, state, secrets


def complete(
    *,
    user: Person,
    browser: str,
    registration: ClientRegistration,
    pairs: Sequence[tuple[str, str]],
    now: datetime,
    ip: str = "",
    user_agent: str = "",
    request_id: str = "",
) -> Completed:
    """Finish the attempt that an authorization response answers (RFC 6749 §4.1.2 to §4.1.4), and store the grant.

    Where it was done, by `ip` and `user_agent`, is told to the owner of a new connection.

    Raises:
        ConnectRefused, ResponseRefused: the response does not belong to an attempt of this person in this browser.
        AccessDenied, AuthorizationFailed: the provider says no; an existing connection stays as it was.
        IdentityRefused: whose account it is could not be proven. Nothing was stored.
        OAuthError: the provider could not be asked; the code is spent, start again.
    """
    with attempts.following(pairs, registration, user_id=user.pk, now=now, request_id=request_id) as trail:
        request = pending.take(trail, user_id=user.pk, browser=browser, registration=registration, now=now)
        client = _client(registration, request.variables, now=now)
        try:
            return _finish(
                request,
                trail=trail,
                client=client,
                user=user,
                registration=registration,
                pairs=pairs,
                now=now,
                ip=ip,
                user_agent=user_agent,
            )
        except OAuthError as error:
            _tell_failure(error, request, user=user, registration=registration, now=now, ip=ip)
            raise


def _tell_failure(
    error: OAuthError,
    request: AuthorizationRequest,
    *,
    user: Person,
    registration: ClientRegistration,
    now: datetime,
    ip: str,
) -> None:
    logger.warning("connect failed", extra={"registration": registration.slug, "code": error.code})
    # What came by the browser is no evidence of what the provider thinks of our registration, and neither is what
    # an instance says that a person named.
    if error.remedy is Remedy.OPERATOR and not (isinstance(error, AuthorizationFailed) or request.variables):
        settle.alarm(registration, error, now=now)
    record_unless_gone(
        Event.Kind.CONNECT_FAILED,
        connection=request.connection,
        registration=registration,
        owner_id=user.pk,
        actor=user.get_username(),
        ip=ip,
        details={"code": error.code},
    )


def _finish(
    request: AuthorizationRequest,
    *,
    trail: Trail,
    client: Client,
    user: Person,
    registration: ClientRegistration,
    pairs: Sequence[tuple[str, str]],
    now: datetime,
    ip: str,
    user_agent: str,
) -> Completed:
    with trail.stage("response"):
        code = client.judge_authorization_response(pairs, expected_state_matches=True)
        _require_open(user, registration)
    secrets = pending.opened(request)
    trail.hide(secrets.code_verifier, secrets.nonce, client.client_secret)
    held = Connection.objects.visible().filter(owner_id=user.pk, registration=registration)
    held_before = frozenset(held.values_list("pk", flat=True))
    answer = _exchange(code, secrets, client=client, trail=trail, provider=registration.provider)
    asked = frozenset(request.scope.split())
    try:
        with trail.stage("identity"):
            identity = identify(client, answer, nonce=secrets.nonce, asked=asked, now=now)
        brought = Brought(
            request=request,
            answer=answer,
            account=identity,
            looked_up=look_up(registration, client, answer, variables=request.variables),
            dialect=client.server.dialect,
            held_before=held_before,
        )
        with trail.stage("store"):
            actor = user.get_username()
            also = partial(_note, trail=trail, request=request, asked=asked, actor=actor, ip=ip)
            kept = keep(brought, now=now, actor=actor, ip=ip, user_agent=user_agent, also=also)
    except (OAuthError, DatabaseError):
        disconnect.hand_back(client, answer)
        raise
    if kept.replaced is not None:
        disconnect.revoke_now([kept.replaced], now=now)
    settle.clear_alarm(registration)
    _, missing = provider_of(registration).features_of(kept.connection.scope)
    return Completed(
        connection=kept.connection,
        created=kept.created,
        missing=tuple(feature for feature in missing if feature.slug in request.features),
        lost=kept.lost,
        unexpected=kept.unexpected,
        return_to=request.return_to,
    )


def _note(
    kept: Kept, *, trail: Trail, request: AuthorizationRequest, asked: frozenset[str], actor: str, ip: str
) -> None:
    """What is true with the stored grant, and not without it."""
    trail.connected(kept, asked=asked)
    allow.finish_link(request, kept.connection, actor=actor, ip=ip)


def _exchange(code: str, secrets: Pending, *, client: Client, trail: Trail, provider: str) -> TokenResponse:
    with trail.stage("token", authentication=client.server.dialect.token_endpoint_auth_method) as facts:
        with watched.token_call(provider, grant="authorization_code"):
            response = transport().send(client.exchange_request(code, code_verifier=secrets.code_verifier))
        facts["status"] = response.status
        answer = client.judge_token(response)
    trail.hide(answer.access_token, answer.refresh_token, answer.id_token)
    return answer


def _require_open(user: Person, registration: ClientRegistration) -> None:
    if not ClientRegistration.objects.filter(pk=registration.pk, enabled=True).exists():
        raise ConnectionUnusable("This provider is switched off.", code="registration_disabled", remedy=Remedy.OPERATOR)
    if not user.is_active:
        raise ConnectionUnusable("Your account is not active.", code="owner_inactive")


def _require_theirs(connection: Connection | None, user: Person, registration: ClientRegistration) -> None:
    if connection is None:
        return
    if connection.owner_id != user.pk or connection.registration_id != registration.pk:
        raise ConnectRefused("This connection is not yours to change.", code="connection_gone")


def _answers(registration: ClientRegistration, given: Mapping[str, str]) -> dict[str, str]:
    """The instance that a person chose, with what an operator chose for everybody; it stays theirs if that changes."""
    return dict(sorted(provider_of(registration).answers(given, fixed=registration.variables).items()))


def _client(registration: ClientRegistration, variables: Mapping[str, str], *, now: datetime) -> Client:
    """Who we are at the provider; what keeps us from saying so is an operator's concern.

    Raises:
        ConnectionUnusable: as `client_for`.
    """
    try:
        return client_for(registration, variables)
    except ConnectionUnusable as error:
        settle.alarm(registration, error, now=now)
        raise


def _scope(
    registration: ClientRegistration, features: Collection[str], connection: Connection | None
) -> frozenset[str]:
    held = connection.scope if connection is not None else frozenset()
    return provider_of(registration).scope_of(features) | registration.extra_scope_set | held


def _is_local(path: str) -> bool:
    """Whether a path stays on this site whatever a browser makes of it."""
    return path.startswith("/") and path.isprintable() and "\\" not in path and not path.startswith("//")
