"""A person about to connect an account at the fake provider."""

from tests.flows.conftest import journey as journey
from tests.flows.conftest import registration as registration
