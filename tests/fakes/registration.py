"""The hub registered at a fake provider, both sides of it."""

from integrations.flows import clients, register
from integrations.flows.register import Registration
from integrations.models import ClientRegistration
from tests.clock import Clock
from tests.factories import CLIENT_SECRET, make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer


def register_sandbox(
    server: FakeAuthorizationServer, *, slug: str = "sandbox", client_id: str = "hub"
) -> ClientRegistration:
    """The catalogue's `sandbox` entry at this fake: features profile, notes.read and notes.write."""
    registration = make_registration(slug=slug, origin=server.origin, client_id=client_id)
    introduce(server, registration)
    return registration


def register_helpdesk(
    server: FakeAuthorizationServer, *, slug: str = "helpdesk", **variables: str
) -> ClientRegistration:
    """The tests' own `helpdesk` entry: one registration for many desks; people name theirs, unless it is given here."""
    values = {"origin": server.origin, **variables}
    registration = make_registration(slug=slug, provider="helpdesk", variables=values)
    introduce(server, registration)
    return registration


def register_oauth2(
    server: FakeAuthorizationServer, *, slug: str = "oauth2", extra_scope: str = "notes:read"
) -> ClientRegistration:
    """The generic `oauth2` entry: endpoints given one by one, no features but the account."""
    variables = {
        "authorization_endpoint": server.endpoint("authorize"),
        "token_endpoint": server.endpoint("token"),
        "userinfo_endpoint": server.endpoint("userinfo"),
        "revocation_endpoint": server.endpoint("revoke"),
        "issuer": server.origin,
        "api_base_url": server.origin + "/api",
    }
    registration = make_registration(slug=slug, provider="oauth2", variables=variables, extra_scope=extra_scope)
    introduce(server, registration)
    return registration


def register_oidc(
    server: FakeAuthorizationServer, *, clock: Clock, slug: str = "oidc", extra_scope: str = ""
) -> ClientRegistration:
    """The generic `oidc` entry, its endpoints discovered from the issuer."""
    given = Registration(
        slug=slug,
        provider="oidc",
        client_id="hub",
        client_secret=CLIENT_SECRET,
        variables={"issuer": server.origin, "api_base_url": server.origin + "/api"},
        extra_scope=extra_scope,
    )
    registration = register.register(given, now=clock())
    introduce(server, registration)
    return registration


def introduce(server: FakeAuthorizationServer, registration: ClientRegistration) -> None:
    """Tell the provider of our client_id, its secret and one more redirect URI."""
    redirect_uri = clients.redirect_uri(registration)
    if registration.client_id in server.memory.clients:
        server.add_redirect_uri(redirect_uri, client_id=registration.client_id)
    else:
        server.add_client(redirect_uri, client_id=registration.client_id, client_secret=CLIENT_SECRET)
