"""Check our registrations at their providers: what is right, what is wrong, and what to do about it.

Nothing is stored and nobody's connection is touched. A stored secret goes where it goes anyway, to the token endpoint
that the hub uses, never to an address that the metadata names since then.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

from django.conf import settings

from integrations.flows import check_client, check_clock, check_discovery, check_endpoints
from integrations.flows.check_finding import Finding, Level, found, worst
from integrations.flows.check_scope import check_scope
from integrations.flows.check_visits import BUDGET_SECONDS, OutOfTime, Visits
from integrations.flows.clients import address_policy, as_registered, client_at, provider_of, redirect_uri, server_of
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.rows import Clock
from integrations.models import ClientRegistration
from integrations.oauth.address import origin
from integrations.oauth.errors import InvalidClient, OAuthError
from integrations.oauth.server import ENDPOINTS, AuthorizationServer
from integrations.oauth.transport import Transport
from integrations.providers.provider import Provider
from integrations.providers.template import fill_all, names_in
from integrations.providers.variable import Variable

logger = logging.getLogger(__name__)

CONCURRENCY = 4
EXACTLY = "Take it that the whole is compared, letter for letter: scheme, host, port, path and the final slash."


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What was found of one registration, in the order it was looked at."""

    slug: str
    provider: str
    enabled: bool
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        return worst(self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a check-up is given: a person's answers where a provider asks persons, and how it is to run."""

    variables: Mapping[str, str] = MappingProxyType({})
    stop: Callable[[], bool] = lambda: False
    transport: Transport | None = None
    budget_seconds: float = BUDGET_SECONDS


def check_machine() -> Finding:
    """Whether this machine's clock is kept right."""
    return check_clock.check_machine()


def questions(registration: ClientRegistration) -> tuple[Variable, ...]:
    """What each person who connects is asked, and so has to be given to check everything; empty where it is unknown."""
    try:
        return provider_of(registration).questions(registration.variables)
    except ConnectionUnusable:
        return ()


def check_answers(registrations: Collection[ClientRegistration], variables: Mapping[str, str]) -> None:
    """Refuse answers that nobody asks for, or that do not fit.

    Raises:
        VariableRefused: names the variable, and what it should be.
        LookupError: the name that none of the registrations asks persons for.
    """
    asked = {variable.name: variable for row in registrations for variable in questions(row)}
    for name, value in variables.items():
        if name not in asked:
            raise LookupError(name)
        asked[name].validate(value)


def check_many(
    registrations: Sequence[ClientRegistration],
    *,
    clock: Clock,
    options: Options = Options(),
    progress: Callable[[], None] = lambda: None,
) -> list[Checked]:
    """Check registrations, a few at a time; whatever happens to one, the others are checked."""
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="hub-check") as pool:
        pending = [pool.submit(_checked, row, clock=clock, options=options) for row in registrations]
        for future in pending:
            future.add_done_callback(lambda _done: progress())
    return [future.result() for future in pending]


def _checked(row: ClientRegistration, *, clock: Clock, options: Options) -> Checked:
    findings: list[Finding] = []
    try:
        for finding in _check(row, clock=clock, options=options):
            findings.append(finding)
    except OutOfTime:
        findings.append(found("interrupted") if options.stop() else found("out_of_time", about="what comes after"))
    except Exception as error:
        # One registration's surprise must not cost the others their check-up.
        logger.exception("check-up failed", extra={"slug": row.slug})
        findings.append(found("check_failed", problem=type(error).__name__))
    return Checked(slug=row.slug, provider=row.provider, enabled=row.enabled, findings=tuple(findings))


def _check(row: ClientRegistration, *, clock: Clock, options: Options) -> Iterator[Finding]:
    if options.stop():
        raise OutOfTime
    if not row.enabled:
        yield found("switched_off")
    try:
        provider = provider_of(row)
    except ConnectionUnusable:
        yield found("provider_unknown", provider=row.provider)
        return
    yield found("redirect_uri", uri=redirect_uri(row), comparison=provider.redirect_uri_comparison or EXACTLY)
    try:
        server, left_out = _server(row, provider, options.variables)
    except ConnectionUnusable as error:
        yield found("registration_broken", problem=error.description)
        return
    transport = options.transport or Transport(address_policy(), deadline_seconds=settings.HUB_HTTP_DEADLINE_SECONDS)
    visits = Visits(transport, clock=clock, budget_seconds=options.budget_seconds, stop=options.stop)
    yield from _visit(row, provider, server, visits, left_out=left_out)


def _visit(
    row: ClientRegistration,
    provider: Provider,
    server: AuthorizationServer,
    visits: Visits,
    *,
    left_out: Sequence[Variable],
) -> Iterator[Finding]:
    published = check_discovery.check_metadata(server, visits, expected=provider.discovery)
    yield from published.findings
    yield from check_client.check_pkce(server, published.server, switched_off=row.without_pkce)
    yield from check_client.check_authentication(server, published.server)
    dialect = server.dialect
    yield from check_scope(
        provider, row.extra_scope, separator=dialect.scope_separator, supported=published.scopes_supported
    )
    if left_out:
        names = [variable.name for variable in left_out]
        unknown = [name for name in ENDPOINTS if names_in(getattr(server, name))]
        yield found("variables_needed", names=", ".join(names), first=names[0], endpoints=", ".join(unknown) or "none")
    yield from _endpoints(row, server, visits)
    yield check_clock.check_provider(visits.readings)


def _endpoints(row: ClientRegistration, server: AuthorizationServer, visits: Visits) -> Iterator[Finding]:
    endpoints = check_endpoints.endpoints_of(server, client_id=row.client_id)
    hosts = check_endpoints.check_hosts(endpoints, visits)
    yield from hosts.values()
    for name, url in endpoints.items():
        if not check_endpoints.is_reachable(hosts[origin(url)]):
            yield found("endpoint_not_checked", about=name)
        elif name == "token_endpoint":
            yield from _client(row, server, visits)
        else:
            yield from check_endpoints.check_endpoint(name, url, server, visits)


def _client(row: ClientRegistration, server: AuthorizationServer, visits: Visits) -> Iterator[Finding]:
    try:
        response, finding = check_client.probe(client_at(row, server), visits)
    except InvalidClient:
        yield found("secret_missing")
        return
    except OAuthError as error:
        yield found("secret_unreadable", problem=error.code)
        return
    if response is not None:
        yield check_endpoints.judge("token_endpoint", server.token_endpoint, response, server)
    yield finding


def _server(
    row: ClientRegistration, provider: Provider, variables: Mapping[str, str]
) -> tuple[AuthorizationServer, tuple[Variable, ...]]:
    """The endpoints in use, and what only a person could say of them.

    Raises:
        ConnectionUnusable: the registration does not fit the catalogue.
    """
    asked = provider.questions(row.variables)
    given = {variable.name: variables.get(variable.name) or variable.default for variable in asked}
    left_out = tuple(variable for variable in asked if variable.required and not given[variable.name])
    if not left_out:
        return server_of(row, given), ()
    server = as_registered(fill_all(provider.server, {**row.variables, **{k: v for k, v in given.items() if v}}), row)
    return (replace(server, issuer="") if names_in(server.issuer) else server), left_out
