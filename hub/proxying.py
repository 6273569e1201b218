"""How much calls through the hub may take: time, size, and how many at once in one process."""

from dataclasses import dataclass

from hub.environment import Environment

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`seconds` for a call, `idle_seconds` for a silence in it, `body_bytes` each way; the rest: calls at once."""

    seconds: int
    idle_seconds: int
    body_bytes: int
    at_once: int
    at_once_per_provider: int
    at_once_per_person: int
    at_once_per_connection: int


def limits(env: Environment) -> Limits:
    """HUB_PROXY_*. The calls at once leave some of a process's 16 threads to everything else.

    Raises:
        ImproperlyConfigured: one is no number, or out of bounds.
    """
    return Limits(
        seconds=env.number("HUB_PROXY_SECONDS", default=300, at_least=1, at_most=86_400),
        idle_seconds=env.number("HUB_PROXY_IDLE_SECONDS", default=30, at_least=1, at_most=3600),
        body_bytes=MEGABYTE * env.number("HUB_PROXY_BODY_MEGABYTES", default=2048, at_least=1, at_most=1_048_576),
        at_once=env.number("HUB_PROXY_AT_ONCE", default=12, at_least=1, at_most=10_000),
        at_once_per_provider=env.number("HUB_PROXY_AT_ONCE_PER_PROVIDER", default=8, at_least=1, at_most=10_000),
        at_once_per_person=env.number("HUB_PROXY_AT_ONCE_PER_PERSON", default=6, at_least=1, at_most=10_000),
        at_once_per_connection=env.number("HUB_PROXY_AT_ONCE_PER_CONNECTION", default=4, at_least=1, at_most=10_000),
    )
