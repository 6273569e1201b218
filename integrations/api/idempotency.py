"""Idempotency-Key on what must not be done twice (draft-ietf-httpapi-idempotency-key-header)."""

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from ninja import Schema

from integrations.api.caller import CallerRequest
from integrations.api.problem import coded
from integrations.flows import answered
from integrations.flows.answered import Answer

HEADER = "Idempotency-Key"
KEY = re.compile(r"[ -~]{1,255}")


def once(view: Callable[..., Schema]) -> Callable[..., Schema | HttpResponse]:
    """Answer a request with a key that was answered before as it was then. What the view returns holds no secret."""
    return _once(view, keep=_text, again=lambda _, kept: kept, tell=lambda made: made)


def once_while_good[Made](
    *, keep: Callable[[Made], str], again: Callable[[CallerRequest, str], Made | None], tell: Callable[[Made], Schema]
) -> Callable[[Callable[..., Made]], Callable[..., Schema | HttpResponse]]:
    """As `once`, where what is told is not to be kept, and not good for ever: `tell` makes the answer of what is made.

    `keep` says in JSON which it is, and `again` finds it by that; None: it is good for nothing, and is made anew.
    """

    def told(request: CallerRequest, kept: str) -> str | None:
        made = again(request, kept)
        return None if made is None else _text(tell(made))

    return lambda view: _once(view, keep=keep, again=told, tell=tell)


def _once[Made](
    view: Callable[..., Made],
    *,
    keep: Callable[[Made], str],
    again: Callable[[CallerRequest, str], str | None],
    tell: Callable[[Made], Schema],
) -> Callable[..., Schema | HttpResponse]:
    @wraps(view)
    def wrapper(request: CallerRequest, *args: Any, **kwargs: Any) -> Schema | HttpResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return tell(view(request, *args, **kwargs))
        if not KEY.fullmatch(key):
            return coded("idempotency_key_invalid")
        content = f"{request.method} {request.path}\n".encode() + request.body
        asked, now = answered.asked(request.auth.borrower, key, content), timezone.now()
        known = answered.begin(asked, now=now)
        if known is not None:
            body = again(request, known.body)
            if body is not None:
                return _json(body, status=known.status)
            answered.renew(asked, known, now=now)
        try:
            made = view(request, *args, **kwargs)
        except BaseException:
            answered.drop(asked)
            raise
        answered.finish(asked, Answer(status=200, body=keep(made)))
        return tell(made)

    return wrapper


def _text(told: Schema) -> str:
    return json.dumps(told.model_dump(mode="json"))


def _json(body: str, *, status: int) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(body, status=status, content_type="application/json; charset=utf-8", headers=headers)
