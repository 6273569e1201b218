import logging
import traceback
from collections.abc import Iterator

import pytest

from integrations.models import ClientRegistration
from tests.clock import Clock
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_oidc, register_sandbox
from tests.flows.journey import Journey


@pytest.fixture(params=["sandbox", "oidc"])
def journey(
    request: pytest.FixtureRequest, db: None, provider_server: FakeAuthorizationServer, clock: Clock
) -> Journey:
    """A person about to connect, at a plain and at an OpenID provider."""
    registration: ClientRegistration = (
        register_sandbox(provider_server) if request.param == "sandbox" else register_oidc(provider_server, clock=clock)
    )
    return Journey(user=make_user(), registration=registration, server=provider_server, clock=clock)


class Everything(logging.Handler):
    """Keeps each record with all it carries: message, arguments, extras, traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        parts = [record.getMessage(), repr(vars(record))]
        if record.exc_info and record.exc_info[1]:
            parts += traceback.format_exception(record.exc_info[1])
        self.written.append("\n".join(parts))


@pytest.fixture
def everything_logged() -> Iterator[Everything]:
    """All loggers there are at DEBUG, none of them filtered."""
    handler = Everything()
    names = [None, *logging.root.manager.loggerDict]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    logging.root.addHandler(handler)
    yield handler
    logging.root.removeHandler(handler)
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled
