"""The page that says what went wrong and what to do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from integrations.flows import clients
from integrations.models import ClientRegistration
from integrations.oauth.errors import OAuthError, Remedy
from integrations.web.errors import RETRY_AFTER_SECONDS, explain
from integrations.web.presentation import provider_name


def problem(request: HttpRequest, error: OAuthError, registration: ClientRegistration | None = None) -> HttpResponse:
    """Explain an error with its status; where it may be the redirect URI, an operator reads which one to register."""
    explanation = explain(error, provider=provider_name(registration) if registration else "")
    redirect_uri = clients.redirect_uri(registration) if registration else ""
    context = {
        "explanation": explanation,
        "provider": provider_name(registration) if registration else gettext("The provider"),
        "registration": registration,
        "redirect_uri": redirect_uri if explanation.redirect_uri_suspected else "",
    }
    response = render(request, "integrations/problem.html", context, status=explanation.status)
    if error.remedy is Remedy.RETRY:
        response.headers["Retry-After"] = str(error.retry_after or RETRY_AFTER_SECONDS)
    return response
