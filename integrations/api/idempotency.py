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

    @wraps(view)
    def wrapper(request: CallerRequest, *args: Any, **kwargs: Any) -> Schema | HttpResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return view(request, *args, **kwargs)
        if not KEY.fullmatch(key):
            return coded("idempotency_key_invalid")
        content = f"{request.method} {request.path}\n".encode() + request.body
        asked = answered.asked(request.auth.borrower, key, content)
        known = answered.begin(asked, now=timezone.now())
        if known is not None:
            return _json(known.body, status=known.status)
        try:
            found = view(request, *args, **kwargs)
        except BaseException:
            answered.drop(asked)
            raise
        answered.finish(asked, Answer(status=200, body=json.dumps(found.model_dump(mode="json"))))
        return found

    return wrapper


def _json(body: str, *, status: int) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json; charset=utf-8")
