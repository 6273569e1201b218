"""From rows to an OAuth client: our registration, the catalogue's provider, the process's transport.

A registration may be good for many instances of a provider: shops, tenants, regions. Then each connection has
`variables` of its own, kept since its attempt began, and whatever goes to the provider for it goes by those. So what
speaks of an instance takes them, too; there is no default, for it would be the wrong instance.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import cast

from django.conf import settings
from django.db import connection
from django.urls import reverse

from integrations import vault
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.rows import NO_KEYS_NOW
from integrations.models import ClientRegistration, Connection
from integrations.oauth.address import AddressPolicy
from integrations.oauth.client import Client
from integrations.oauth.errors import Remedy
from integrations.oauth.jwks import JwksCache
from integrations.oauth.message import Request, Response
from integrations.oauth.relay import Relay
from integrations.oauth.server import AuthorizationServer, TokenEndpointAuthMethod
from integrations.oauth.transport import Transport
from integrations.providers import CatalogueError, get
from integrations.providers.provider import Provider
from integrations.vault import SealError

type Instance = tuple[int, tuple[tuple[str, str], ...]]


def instance_of(connection: Connection) -> Instance:
    """Which instance of a provider a connection is at, to tell one from another."""
    return connection.registration_id, tuple(sorted(connection.variables.items()))


def variables_of(registration: ClientRegistration, variables: Mapping[str, str]) -> dict[str, str]:
    """All variables of an instance: the operator's, and those of one connection, which stay what they were."""
    return {**registration.variables, **variables}


def state_parameter(registration: ClientRegistration) -> str:
    """What the provider calls `state`, which is the same for all its instances."""
    return provider_of(registration).server.dialect.parameter_names.get("state", "state")


def provider_of(registration: ClientRegistration) -> Provider:
    """The catalogue's entry for a registration.

    Raises:
        ConnectionUnusable: the catalogue has it no more (remedy OPERATOR).
    """
    try:
        return get(registration.provider)
    except CatalogueError as error:
        raise _broken(error) from error


def server_of(registration: ClientRegistration, variables: Mapping[str, str]) -> AuthorizationServer:
    """The endpoints and dialect of a provider instance; `variables` are the connection's (or its attempt's) own.

    Raises:
        ConnectionUnusable: the variables do not fit the catalogue (remedy OPERATOR).
    """
    filled = variables_of(registration, variables)
    try:
        server = provider_of(registration).authorization_server(filled, registration.metadata or None)
    except CatalogueError as error:
        raise _broken(error) from error
    return as_registered(server, registration)


def as_registered(server: AuthorizationServer, registration: ClientRegistration) -> AuthorizationServer:
    """A server of the catalogue with what an operator chose for this registration."""
    dialect = server.dialect
    if registration.token_endpoint_auth_method:
        method = cast(TokenEndpointAuthMethod, registration.token_endpoint_auth_method)
        dialect = replace(dialect, token_endpoint_auth_method=method)
    if registration.without_pkce:
        dialect = replace(dialect, pkce="unsupported")
    return server if dialect is server.dialect else replace(server, dialect=dialect)


def _broken(error: CatalogueError) -> ConnectionUnusable:
    return ConnectionUnusable(str(error), code="registration_broken", remedy=Remedy.OPERATOR)


def redirect_uri(registration: ClientRegistration) -> str:
    """Where this registration's authorization responses arrive; from SITE_URL alone, never from a request."""
    return settings.SITE_URL.rstrip("/") + reverse("integrations:callback", args=(registration.slug,))


def client_for(registration: ClientRegistration, variables: Mapping[str, str]) -> Client:
    """Who we are at a provider instance; `variables` are the connection's (or its attempt's) own.

    Raises:
        ConnectionUnusable: the variables do not fit the catalogue, or the secret cannot be opened (OPERATOR).
    """
    return client_at(registration, server_of(registration, variables))


def client_at(registration: ClientRegistration, server: AuthorizationServer) -> Client:
    """Who we are at a server whose endpoints are known already.

    Raises:
        ConnectionUnusable: the secret cannot be opened (OPERATOR), or not now (RETRY).
    """
    try:
        client_secret = vault.open_client_secret(registration)
    except SealError as error:
        remedy = Remedy.RETRY if error.code == NO_KEYS_NOW else Remedy.OPERATOR
        raise ConnectionUnusable(str(error), code=error.code, remedy=remedy) from None
    return Client(
        server=server,
        client_id=registration.client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri(registration),
    )


def address_policy() -> AddressPolicy:
    return AddressPolicy(allowed_hosts=frozenset(settings.HUB_OUTBOUND_ALLOWED_HOSTS))


def webhook_policy() -> AddressPolicy:
    """Where messages go, anybody with an application says: what an operator opens for providers is not open to them."""
    return AddressPolicy(allowed_hosts=frozenset(settings.HUB_WEBHOOK_ALLOWED_HOSTS))


def let_go_of_database() -> None:
    """Give a pooled database connection back before waiting for a provider, so that slow ones starve nobody."""
    if "pool" in connection.settings_dict["OPTIONS"] and not connection.in_atomic_block:
        connection.close()


class UnhurriedTransport(Transport):
    """Waits for providers without a database connection in hand."""

    def send(self, request: Request, *, seconds: float | None = None) -> Response:
        let_go_of_database()
        return super().send(request, seconds=seconds)


def transport() -> Transport:
    """The transport of this process, made anew when the settings differ."""
    return _transport(frozenset(settings.HUB_OUTBOUND_ALLOWED_HOSTS), settings.HUB_HTTP_DEADLINE_SECONDS)


def relay() -> Relay:
    """What passes calls on in this process, made anew when the settings differ."""
    return _relay(frozenset(settings.HUB_OUTBOUND_ALLOWED_HOSTS))


def jwks() -> JwksCache:
    return _jwks(transport())


@lru_cache(maxsize=4)
def _transport(allowed_hosts: frozenset[str], deadline_seconds: int) -> Transport:
    return UnhurriedTransport(AddressPolicy(allowed_hosts=allowed_hosts), deadline_seconds=deadline_seconds)


@lru_cache(maxsize=4)
def _relay(allowed_hosts: frozenset[str]) -> Relay:
    return Relay(AddressPolicy(allowed_hosts=allowed_hosts))


@lru_cache(maxsize=4)
def _jwks(of: Transport) -> JwksCache:
    return JwksCache(of)
