"""The variables of watching."""

import ipaddress
import os
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from hub.environment import Environment

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TOKEN_LENGTH = 20
OTLP_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def metrics_token(env: Environment) -> str:
    """HUB_METRICS_TOKEN; empty: none.

    Raises:
        ImproperlyConfigured: short enough to be guessed.
    """
    value: str = env.str("HUB_METRICS_TOKEN", default="").strip()
    if value and (len(value) < TOKEN_LENGTH or not value.isascii() or not value.isprintable() or " " in value):
        raise ImproperlyConfigured(
            f"HUB_METRICS_TOKEN needs {TOKEN_LENGTH} random characters. "
            "Make one so: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return value


def networks(env: Environment, name: str) -> tuple[Network, ...]:
    """Addresses and networks, comma-separated.

    Raises:
        ImproperlyConfigured: one is neither.
    """
    found = []
    for text in filter(None, (part.strip() for part in env.str(name, default="").split(","))):
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} are addresses or networks, comma-separated: 127.0.0.1,10.1.0.0/16"
            ) from None
    return tuple(found)


def otlp_endpoint(env: Environment) -> str | None:
    """Where spans go: HUB_OTLP_ENDPOINT; the empty text: where OpenTelemetry's own variables say; None: nowhere.

    Raises:
        ImproperlyConfigured: not an address.
    """
    if env.bool("OTEL_SDK_DISABLED", default=False):
        return None
    value: str = env.str("HUB_OTLP_ENDPOINT", default="").strip()
    if value and not value.startswith(("http://", "https://")):
        raise ImproperlyConfigured("HUB_OTLP_ENDPOINT is the address of a collector: http://127.0.0.1:4318")
    return value or ("" if _is_set(os.environ) else None)


def _is_set(variables: Mapping[str, str]) -> bool:
    return any(variables.get(name) for name in OTLP_VARIABLES)
