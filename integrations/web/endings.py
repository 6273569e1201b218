"""What ending connections means at each service: whether the hub can end the access there, or a person must."""

from collections.abc import Iterable
from dataclasses import dataclass

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
    """By service, in the order of their names. Needs `registration` loaded."""
    counts: dict[int, int] = {}
    registrations: dict[int, ClientRegistration] = {}
    for connection in connections:
        counts[connection.registration_id] = counts.get(connection.registration_id, 0) + 1
        registrations[connection.registration_id] = connection.registration
    found = [
        ServiceEnding(
            name=provider_name(registration),
            provider=registration.provider,
            count=counts[pk],
            can_revoke=can_revoke(registration),
            page=revocation_page(registration),
        )
        for pk, registration in registrations.items()
    ]
    return tuple(sorted(found, key=lambda ending: ending.name.casefold()))


def revocation_page(registration: ClientRegistration) -> str:
    """The service's own page where a person takes the access away; the empty text when none is known."""
    provider = PROVIDERS.get(registration.provider)
    if provider is None or not provider.revocation_page_url:
        return ""
    try:
        address = fill(provider.revocation_page_url, provider.validate_variables(registration.variables))
    except CatalogueError:
        return ""
    return address if origin_of(address) and not names_in(address) else ""
