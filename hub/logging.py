"""How the hub logs: one line per event through structlog, everyone's records alike, secrets taken out.

Records of the standard library pass through the same processors, so a library's token is redacted too. Libraries
that print requests, responses or bodies at DEBUG are capped at WARNING whatever LOG_LEVEL says.

Django's lines about a request name its path, in which a link's secret may stand; ours name the pattern that it fits.
`hub.watching.requests` writes the line of each request, so that of Django's development server is not needed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.http import HttpRequest
from structlog.typing import EventDict, Processor, WrappedLogger

from hub import run_id
from hub.redaction import redact
from hub.watching.route import method_of, route_of

TALKATIVE = (
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


REQUESTS = "hub.watching.requests"
# What comes after scheme and host in an address that somebody else sent, as in "Referer checking failed - %s".
_AFTER_THE_HOST = re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s/?#'\"]+)[^\s'\"]*", re.IGNORECASE)


def add_run(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The structlog processor that names the run of a command."""
    return {**run_id.of_this_process(), **event}


def without_address(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The structlog processor that puts a request's method and route where the request was, and its path was told."""
    request = event.pop("request", None)
    if not isinstance(request, HttpRequest):
        return event if request is None else {**event, "request": request}
    text, route = str(event.get("event", "")), route_of(request)
    for path in _spellings(request):
        text = text.replace(path, route)
    text = _AFTER_THE_HOST.sub(r"\1", text)
    return {**event, "event": text, "method": method_of(request), "route": route}


def _spellings(request: HttpRequest) -> Iterator[str]:
    """The path as Django tells it, the longer ones first; a bare slash tells nothing."""
    paths = {request.get_full_path(), request.path, request.path_info}
    paths |= {path.encode("unicode_escape").decode("ascii") for path in paths}
    yield from sorted((path for path in paths if len(path) > 1), key=len, reverse=True)


def redact_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The structlog processor that takes secrets out, last before rendering."""
    return {key: redact(value, key) for key, value in event.items()}


def configuration(*, level: str, as_json: bool, requests: bool = True) -> Mapping[str, Any]:
    """The LOGGING setting, and structlog told to hand its events to the standard library.

    `requests`: with a line for each request.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        add_run,
        without_address,
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
            "django.server": {"handlers": [], "level": "CRITICAL", "propagate": True},
            **{name: {"level": "WARNING"} for name in (*TALKATIVE, *(() if requests else (REQUESTS,)))},
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
