from collections.abc import Iterator

import pytest

from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.bare_client import BareClient


@pytest.fixture
def hub() -> Iterator[BareClient]:
    with FakeAuthorizationServer() as server:
        yield BareClient(server)
