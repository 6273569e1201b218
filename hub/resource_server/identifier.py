"""The one name that the hub's API has."""

from django.conf import settings

API_PATH = "/api/v1"


def api_identifier() -> str:
    """The resource identifier of the hub's API; metadata (RFC 9728) and tokens' `aud` say this one."""
    return f"{settings.SITE_URL}{API_PATH}"
