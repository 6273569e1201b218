"""The hub's addresses and a page that makes a mistake."""

import logging

from django.http import HttpRequest, HttpResponse
from django.urls import path
from structlog.contextvars import get_contextvars

from hub.urls import handler400, handler500
from hub.urls import urlpatterns as pages_of_the_hub

__all__ = ["handler400", "handler500"]

LOG = logging.getLogger("tests.failing")


def fail(request: HttpRequest) -> HttpResponse:
    LOG.warning("about to fail", extra={"bound": get_contextvars().get("request_id")})
    raise RuntimeError("secret-in-an-error")


urlpatterns = [path("fail/", fail), *pages_of_the_hub]
