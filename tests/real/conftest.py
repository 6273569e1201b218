"""Real servers for the tests of this folder."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings

from tests.clock import Clock
from tests.real.oidc_provider import OidcProvider, install, node

REAL_SLUG = "real-oidc"


@pytest.fixture
def clock() -> Clock:
    """A clock that starts with the real provider's own."""
    return Clock(datetime.now(UTC))


@pytest.fixture(scope="session")
def oidc_provider() -> Iterator[OidcProvider]:
    if node() is None:
        pytest.skip("node is not installed: the npm oidc-provider cannot run")
    install()
    redirect_uri = f"{settings.SITE_URL.rstrip('/')}/connections/callback/{REAL_SLUG}/"
    with OidcProvider(redirect_uri) as provider:
        yield provider
