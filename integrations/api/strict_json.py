"""The body of a request, read as JSON and nothing else (RFC 8259), and not without end."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

BODY_LIMIT_BYTES = 65_536


class Refused(ValueError):
    """A body that is not read; ``code``: request_malformed, body_too_large, media_type_unsupported."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class StrictParser(Parser):
    """Refuse what is not application/json, is too large, names a member twice, or holds a number that is none."""

    def parse_body(self, request: HttpRequest) -> Any:
        if (request.content_type or "").lower() != "application/json":
            raise Refused("media_type_unsupported")
        if len(request.body) > BODY_LIMIT_BYTES:
            raise Refused("body_too_large")
        try:
            return _DECODER.decode(request.body.decode())
        except (ValueError, RecursionError):
            raise Refused("request_malformed") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is repeated")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
