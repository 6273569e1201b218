"""What ending connections means at each service: whether the hub can end the access there, or a person must."""

from collections.abc import Iterable
from dataclasses import dataclass

from integrations.models import Connection
from integrations.web.presentation import can_revoke, provider_name, revocation_page


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceEnding:
    """Connections at one service; `page` is where a person ends the access there, if an address is known."""

    name: str
    provider: str
    count: int
    can_revoke: bool
    page: str


def endings(connections: Iterable[Connection]) -> tuple[ServiceEnding, ...]:
    """By service, and by tenant where each has a page of its own, in the order of their names.

    Needs `registration` loaded.
    """
    found: dict[tuple[int, str], list[Connection]] = {}
    for connection in connections:
        found.setdefault((connection.registration_id, revocation_page(connection)), []).append(connection)
    rows = [
        ServiceEnding(
            name=provider_name(some[0].registration),
            provider=some[0].registration.provider,
            count=len(some),
            can_revoke=can_revoke(some[0]),
            page=page,
        )
        for (_, page), some in found.items()
    ]
    return tuple(sorted(rows, key=lambda ending: (ending.name.casefold(), ending.page)))
