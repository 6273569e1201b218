"""What tests of calls through the hub share."""

from collections.abc import Iterator

import pytest

from tests.api.calls import Calls, make_calls
from tests.fakes.upstream import FakeUpstream


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def elsewhere() -> Iterator[FakeUpstream]:
    """Another host, which must hear of nothing."""
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def calls(upstream: FakeUpstream, db: None) -> Calls:
    return make_calls(upstream)
