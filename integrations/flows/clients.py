"""From rows to an OAuth client: our registration, the catalogue's provider, the process's transport."""

from functools import lru_cache

from django.conf import settings
from django.urls import reverse

from integrations import vault
from integrations.models import ClientRegistration
from integrations.oauth.address import AddressPolicy
from integrations.oauth.client import Client
from integrations.oauth.jwks import JwksCache
from integrations.oauth.server import AuthorizationServer
from integrations.oauth.transport import Transport
from integrations.providers import PROVIDERS
from integrations.providers.provider import Provider


def provider_of(registration: ClientRegistration) -> Provider:
    return PROVIDERS[registration.provider]


def server_of(registration: ClientRegistration) -> AuthorizationServer:
    """The endpoints and dialect of the provider instance we are registered at."""
    return provider_of(registration).authorization_server(
        registration.variables, registration.metadata or None
    )


def redirect_uri(registration: ClientRegistration) -> str:
    """Where this registration's authorization responses arrive; from SITE_URL alone, never from a request."""
    return settings.SITE_URL.rstrip("/") + reverse("integrations:callback", args=(registration.slug,))


def client_for(registration: ClientRegistration) -> Client:
    """Who we are at the provider.

    Raises:
        SealError: the client_secret cannot be opened.
    """
    return Client(
        server=server_of(registration),
        client_id=registration.client_id,
        client_secret=vault.open_client_secret(registration),
        redirect_uri=redirect_uri(registration),
    )


def address_policy() -> AddressPolicy:
    return AddressPolicy(allowed_hosts=frozenset(settings.HUB_OUTBOUND_ALLOWED_HOSTS))


def transport() -> Transport:
    """The transport of this process, made anew when the settings differ."""
    return _transport(frozenset(settings.HUB_OUTBOUND_ALLOWED_HOSTS), settings.HUB_HTTP_DEADLINE_SECONDS)


def jwks() -> JwksCache:
    return _jwks(transport())


@lru_cache(maxsize=4)
def _transport(allowed_hosts: frozenset[str], deadline_seconds: int) -> Transport:
    return Transport(AddressPolicy(allowed_hosts=allowed_hosts), deadline_seconds=deadline_seconds)


@lru_cache(maxsize=4)
def _jwks(of: Transport) -> JwksCache:
    return JwksCache(of)
