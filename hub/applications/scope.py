"""What the hub's own scope says to people, and which of it concerns connections."""

from collections.abc import Collection, Iterable

from oauth2_provider.scopes import get_scopes_backend

#: With none of these, no connection can be seen or used, and nobody is asked which.
OF_CONNECTIONS = frozenset(
    {"connections:read", "connections:borrow", "connections:call", "connections:disconnect", "events:read"}
)


def concerns_connections(scope: Collection[str]) -> bool:
    """Whether a person has to choose connections for this scope."""
    return not OF_CONNECTIONS.isdisjoint(scope)


def in_words(scope: Iterable[str]) -> list[str]:
    """Each token's title, in the order of the settings; what the hub no longer knows is left out."""
    wanted = set(scope)
    return [str(title) for token, title in get_scopes_backend().get_all_scopes().items() if token in wanted]
