"""The variables of the API."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from hub.environment import Environment

ISSUERS = "HUB_TRUSTED_ISSUERS"


def requests_per_minute(env: Environment) -> int:
    """HUB_API_REQUESTS_PER_MINUTE: by application and person."""
    return env.number("HUB_API_REQUESTS_PER_MINUTE", default=600, at_least=1, at_most=10_000_000)


def trusted_issuers(env: Environment, *, loopback: bool) -> tuple[str, ...]:
    """HUB_TRUSTED_ISSUERS: whose JWT access tokens the API takes; issuer identifiers, comma-separated.

    `loopback`: plain http will do, for one machine only.

    Raises:
        ImproperlyConfigured: one is not an issuer identifier (RFC 8414 §2).
    """
    found = tuple(filter(None, (part.strip() for part in env.str(ISSUERS, default="").split(","))))
    for issuer in found:
        parts = urlsplit(issuer)
        if parts.scheme not in (("https", "http") if loopback else ("https",)) or not parts.netloc:
            raise ImproperlyConfigured(f"{ISSUERS} are issuer identifiers, comma-separated: https://issuer.example")
        if "?" in issuer or "#" in issuer or "@" in parts.netloc:
            raise ImproperlyConfigured(f"An issuer identifier in {ISSUERS} has no query, fragment or user.")
    return found
