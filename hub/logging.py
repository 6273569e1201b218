"""How the hub logs: one line per event through structlog, everyone's records alike, secrets taken out.

Records of the standard library pass through the same processors, so a library's token is redacted too. Libraries
that print requests, responses or bodies at DEBUG are capped at WARNING whatever LOG_LEVEL says.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hub.redaction import redact

TALKATIVE = (
    "aiohttp",
    "amqp",
    "asyncio",
    "django.db.backends",
    "fido2",
    "httpx",
    "kombu",
    "oauth2_provider",
    "oauthlib",
    "requests",
    "requests_oauthlib",
    "urllib3",
)


def redact_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The structlog processor that takes secrets out, last before rendering."""
    return {key: redact(value, key) for key, value in event.items()}


def configuration(*, level: str, as_json: bool) -> Mapping[str, Any]:
    """The LOGGING setting, and structlog told to hand its events to the standard library."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"hub": {"()": formatter, "shared": shared, "as_json": as_json}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "hub"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            **{name: {"level": "WARNING"} for name in TALKATIVE},
        },
    }


def formatter(*, shared: list[Processor], as_json: bool) -> structlog.stdlib.ProcessorFormatter:
    """A formatter that redacts, then writes JSON for machines or a plain line for people."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, renderer],
    )
