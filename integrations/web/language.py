"""The language a person chose, on every device they sign in on.

A cookie holds it for this browser, as for anybody; Django's own middleware reads that. The choice of somebody who is
signed in is kept with their preferences, and for as long as they are signed in with the session, so that no request
has to look it up.
"""

from collections.abc import Callable
from typing import Literal, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

from integrations.flows.preferences import preferences_of

SESSION_KEY = "language"


class PreferredLanguage:
    """Middleware: who is signed in reads what they chose, whatever the browser asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = request.session.get(SESSION_KEY, "")
        if is_offered(language):
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        return self._get_response(request)


def is_offered(language: str) -> bool:
    """Whether the hub speaks it."""
    return language in dict(settings.LANGUAGES)


def recall(request: HttpRequest, user_id: int) -> None:
    """Take what somebody who signs in chose, on whatever device, into their new session."""
    keep_in_session(request, preferences_of(user_id).language)


def keep_in_session(request: HttpRequest, language: str) -> None:
    """From now on this session speaks it; the empty text: as the browser asks."""
    if language:
        request.session[SESSION_KEY] = language
    else:
        request.session.pop(SESSION_KEY, None)


def keep_in_browser(response: HttpResponseBase, language: str) -> None:
    """From now on this browser asks for it, signed in or not; the empty text: as it is set up."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        # 0 takes the cookie away.
        max_age=settings.LANGUAGE_COOKIE_AGE if language else 0,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=cast("Literal['Lax']", settings.LANGUAGE_COOKIE_SAMESITE),
    )
