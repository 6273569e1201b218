"""What ending connections means at each service: whether the hub can end the access there, or a person must."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from integrations.flows.clients import Instance, instance_of, variables_of
from integrations.models import ClientRegistration, Connection
from integrations.providers import PROVIDERS, CatalogueError
from integrations.providers.template import fill, names_in
from integrations.web.addresses import origin_of
from integrations.web.presentation import can_revoke, provider_name


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceEnding:
    """Connections at one service; `page` is where a person ends the access there, if an address is known."""

    name: str
    provider: str
    count: int
    can_revoke: bool
    page: str


def endings(connections: Iterable[Connection]) -> tuple[ServiceEnding, ...]:
    """By service, in the order of their names; each tenant has a page of its own. Needs `registration` loaded."""
    counts: dict[Instance, int] = {}
    examples: dict[Instance, Connection] = {}
    for connection in connections:
        instance = instance_of(connection)
        counts[instance] = counts.get(instance, 0) + 1
        examples[instance] = connection
    found = [
        ServiceEnding(
            name=provider_name(example.registration),
            provider=example.registration.provider,
            count=counts[instance],
            can_revoke=can_revoke(example),
            page=revocation_page(example.registration, example.variables),
        )
        for instance, example in examples.items()
    ]
    return tuple(sorted(found, key=lambda ending: ending.name.casefold()))


def revocation_page(registration: ClientRegistration, variables: Mapping[str, str]) -> str:
    """The service's own page where a person takes the access away; the empty text when none is known."""
    provider = PROVIDERS.get(registration.provider)
    if provider is None or not provider.revocation_page_url:
        return ""
    try:
        address = fill(provider.revocation_page_url, provider.validate_variables(variables_of(registration, variables)))
    except CatalogueError:
        return ""
    return address if origin_of(address) and not names_in(address) else ""
