"""The page that says what went wrong and what to do."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from integrations.flows import clients
from integrations.models import ClientRegistration
from integrations.oauth.errors import OAuthError, Remedy
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.attempts import Again, opening
from integrations.web.errors import RETRY_AFTER_SECONDS, explain
from integrations.web.presentation import provider_name
from integrations.web.visitor import request_id_of

KEY = "connect_problem"


def problem(
    request: HttpRequest,
    error: OAuthError,
    registration: ClientRegistration | None = None,
    *,
    again: Again | None = None,
    request_id: str = "",
) -> HttpResponse:
    """Explain an error with its status; where it may be the redirect URI, an operator reads which one to register.

    `again` is what starting again means; without it, the choice of features at the provider. `request_id` is that of
    the request that failed, if it is another one.
    """
    explanation = explain(error, provider=provider_name(registration) if registration else "")
    redirect_uri = clients.redirect_uri(registration) if registration else ""
    context = {
        "explanation": explanation,
        "provider": provider_name(registration) if registration else gettext("The provider"),
        "registration": registration,
        "again": None if explanation.for_operator else _again(registration, again),
        "request_id": request_id or request_id_of(request),
        "redirect_uri": redirect_uri if explanation.redirect_uri_suspected else "",
    }
    response = render(request, "integrations/problem.html", context, status=explanation.status)
    if error.remedy is Remedy.RETRY:
        response.headers["Retry-After"] = str(error.retry_after or RETRY_AFTER_SECONDS)
    return response


def problem_elsewhere(
    request: HttpRequest,
    error: OAuthError,
    registration: ClientRegistration | None = None,
    *,
    again: Again | None = None,
) -> HttpResponse:
    """The same on a page of its own, for an address that carries a code must not stay in the browser."""
    request.session[KEY] = {
        "code": error.code,
        "remedy": error.remedy,
        "description": error.description,
        "said_by_provider": error.said_by_provider,
        "retry_after": error.retry_after,
        "slug": registration.slug if registration else "",
        "again": asdict(again) if again else None,
        "request_id": request_id_of(request),
    }
    return HttpResponseSeeOther(reverse("integrations:problem"))


def kept_problem(request: HttpRequest) -> HttpResponse | None:
    """The problem that the last way back from a provider ended with; None when there is none."""
    kept = request.session.get(KEY)
    if kept is None:
        return None
    error = OAuthError(kept["description"], code=kept["code"], retry_after=kept["retry_after"])
    error.remedy, error.said_by_provider = Remedy(kept["remedy"]), kept["said_by_provider"]
    registration = ClientRegistration.objects.filter(slug=kept["slug"]).first()
    again = Again(**kept["again"]) if kept["again"] else None
    return problem(request, error, registration, again=again, request_id=kept.get("request_id", ""))


def _again(registration: ClientRegistration | None, again: Again | None) -> Again | None:
    if registration is None or not registration.enabled:
        return None
    return again or opening(reverse("integrations:provider", args=[registration.slug]), label=gettext("Start again"))
