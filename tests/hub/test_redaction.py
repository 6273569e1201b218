"""No secret reaches a log, whoever writes it."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest
import requests_oauthlib
import structlog

from hub.logging import TALKATIVE, configuration
from hub.redaction import REDACTED, is_secret_name, redact, redact_text

CANARY = "cAnary7.secret-VALUE_9"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"

type Write = Callable[[logging.Logger], None]


@pytest.fixture(params=[True, False], ids=["json", "text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is written by a handler as the settings configure it, every logger at DEBUG."""
    config = configuration(level="DEBUG", as_json=request.param)
    stream = io.StringIO()
    root = logging.getLogger()
    before = list(root.handlers), root.level
    formatter = logging.config.DictConfigurator(dict(config)).configure_formatter(config["formatters"]["hub"])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root.handlers = [handler]
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers, root.level = before
    root.setLevel(before[1])


def raised(logger: logging.Logger) -> None:
    try:
        raise ValueError(f"refused: access_token={CANARY}")
    except ValueError:
        logger.exception("failed")


@pytest.mark.requirement(98, 27)
@pytest.mark.parametrize(
    "write",
    [
        lambda log: log.info("GET https://hub.example/callback?code=%s&state=%s", CANARY, CANARY),
        lambda log: log.info("POST grant_type=refresh_token&refresh_token=%s&client_secret=%s", CANARY, CANARY),
        lambda log: log.info("body %s", {"access_token": CANARY, "expires_in": 60}),
        lambda log: log.info("body %r", json.dumps({"refresh_token": CANARY})),
        lambda log: log.info("body %s", json.dumps(json.dumps({"id_token": CANARY}))),
        lambda log: log.info("form %s", [("code_verifier", CANARY)]),
        lambda log: log.info("form %s", {"code": CANARY}),
        lambda log: log.info("headers %s", {"Authorization": f"Bearer {CANARY}"}),
        lambda log: log.info("Authorization: Basic %s", CANARY),
        lambda log: log.info("sent Bearer %s to it", CANARY),
        lambda log: log.info("sent DPoP %s to it", CANARY),
        lambda log: log.info("Cookie: session=%s; csrf=%s", CANARY, CANARY),
        lambda log: log.info("database postgres://hub:%s@db/hub", CANARY),
        lambda log: log.info("failed", extra={"access_token": CANARY}),
        lambda log: log.info("failed", extra={"code": CANARY}),
        lambda log: log.info("failed", extra={"answer": {"nested": [{"client_secret": CANARY}]}}),
        lambda log: log.info("failed", extra={"url": f"https://idp.example/?state={CANARY}"}),
        raised,
    ],
)
def test_a_record_is_written_without_its_secret(written: io.StringIO, write: Write) -> None:
    write(logging.getLogger("someone.elses.library"))

    assert written.getvalue()
    assert CANARY not in written.getvalue()


@pytest.mark.requirement(98)
def test_an_event_of_structlog_is_written_without_its_secret(written: io.StringIO) -> None:
    structlog.get_logger("hub").warning("refresh failed", refresh_token=CANARY, url=f"x?code={CANARY}", connection=7)

    assert "refresh failed" in written.getvalue()
    assert CANARY not in written.getvalue()


@pytest.mark.requirement(98)
def test_an_id_token_anywhere_is_taken_out(written: io.StringIO) -> None:
    logging.getLogger("someone").info("got %s back", JWT)

    assert "c2lnbmF0dXJl" not in written.getvalue()


@pytest.mark.requirement(98)
def test_libraries_that_print_bodies_stay_quiet_at_debug() -> None:
    levels = configuration(level="DEBUG", as_json=True)["loggers"]

    assert {levels[name]["level"] for name in TALKATIVE} == {"WARNING"}
    assert {"oauthlib", "requests_oauthlib", "urllib3", "asyncio"} <= set(TALKATIVE)
    assert not logging.getLogger(requests_oauthlib.__name__).isEnabledFor(logging.DEBUG)


def test_what_an_operator_needs_stays_readable(written: io.StringIO) -> None:
    logging.getLogger("hub").warning(
        "refresh failed: code=invalid_grant for %s", "github", extra={"code": "invalid_grant", "connection": 7}
    )

    line = written.getvalue()
    assert "code=invalid_grant for github" in line
    assert line.count("invalid_grant") == 2
    assert REDACTED not in line


@pytest.mark.parametrize(
    "text",
    [
        "the token endpoint answered 503",
        "GET /connections/?page=2 200",
        "status=active provider=github scope=repo",
        "token https://idp.example/token refused",
    ],
)
def test_plain_lines_are_left_alone(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize("name", ["status", "provider", "code", "client_id", "scope", "token_endpoint", "key_id"])
def test_these_names_hold_no_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_numbers_and_emptiness_keep_their_type() -> None:
    assert redact({"expires_in": 60, "refresh_token": None, "enabled": True}) == {
        "expires_in": 60,
        "refresh_token": None,
        "enabled": True,
    }
