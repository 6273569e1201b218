"""The consent page: a person decides what an application may do for them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.csp import CSP
from django.utils.translation import gettext
from django.views.decorators.csp import csp_override
from oauth2_provider import views
from oauth2_provider.forms import AllowForm
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.scopes import get_scopes_backend
from oauth2_provider.settings import oauth2_settings
from oauthlib.oauth2 import OAuth2Error

from hub.authorization_server.client_authentication import is_registered_redirect_uri
from hub.authorization_server.resource import api_identifier
from integrations.oauth.errors import printable

NAME_LIMIT = 120


class AuthorizationView(views.AuthorizationView):  # type: ignore[misc]
    """Ask a person whether a client may act for them (RFC 6749 §4.1.1). Always asks: no client can skip it."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        query = request.GET.copy()
        query.pop("approval_prompt", None)
        request.GET = query  # type: ignore[assignment]
        return super().get(request, *args, **kwargs)  # type: ignore[no-any-return]

    def form_valid(self, form: AllowForm) -> HttpResponse:
        application = Application.objects.filter(client_id=form.cleaned_data["client_id"]).first()
        if not application or not is_registered_redirect_uri(application, form.cleaned_data["redirect_uri"]):
            return self.form_invalid(form)
        if set(form.cleaned_data["resource"].split()) - {api_identifier()}:
            return self.form_invalid(form)
        return super().form_valid(form)  # type: ignore[no-any-return]

    def form_invalid(self, form: AllowForm) -> HttpResponse:
        """Answer a form that is not the one we rendered; there is no address that it would be safe to return to."""
        return self.render_to_response({"error": {"error": "invalid_request"}}, status=400)

    def redirect(self, redirect_to: str, application: Application | None) -> HttpResponse:
        response: HttpResponse = super().redirect(_with_iss(redirect_to), application)
        response.status_code = 303
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        held = _scope_held(self.request, context["application"])
        titles = get_scopes_backend().get_all_scopes()
        context["client_name"] = printable(context["application"].name, limit=NAME_LIMIT) or gettext("Unnamed client")
        context["asked"] = [titles[scope] for scope in context["scopes"] if scope not in held]
        context["held"] = [titles[scope] for scope in context["scopes"] if scope in held]
        context["destination"] = urlsplit(context["redirect_uri"]).netloc
        return context

    def render_to_response(self, context: Mapping[str, Any], **kwargs: Any) -> HttpResponse:
        """Show the page, or, where there is no `redirect_uri`, why there is none; then what was asked is repeated."""
        if "error" in context:
            context = {**context, "error": _as_text(context["error"])}
        response: HttpResponse = super().render_to_response(context, **kwargs)
        if "redirect_uri" not in context:
            return response
        # Chromium applies form-action to the redirect that answers the form, too.
        base: dict[str, Any] = settings.SECURE_CSP
        policy = base | {"form-action": [CSP.SELF, _origin(context["redirect_uri"])]}
        return csp_override(policy)(lambda _: response)(self.request)


def _as_text(error: Mapping[str, Any] | OAuth2Error) -> dict[str, str]:
    """What an error says, which may repeat what the request held."""
    if isinstance(error, OAuth2Error):
        return {"error": printable(error.error or ""), "description": printable(error.description or "")}
    return {name: printable(str(text)) for name, text in error.items()}


def _scope_held(request: HttpRequest, application: Application) -> set[str]:
    """The scope that this client already has of this person, by tokens that can still be refreshed."""
    live = AccessToken.objects.filter(
        user=request.user.pk, application=application, refresh_token__revoked__isnull=True
    )
    return {scope for granted in live.values_list("scope", flat=True) for scope in granted.split()}


def _with_iss(redirect_to: str) -> str:
    """Add our issuer to an authorization response, which the toolkit forgets on errors (RFC 9207 §2)."""
    url = urlsplit(redirect_to)
    pairs = [pair for pair in parse_qsl(url.query, keep_blank_values=True) if pair[0] != "iss"]
    return urlunsplit(url._replace(query=urlencode([*pairs, ("iss", oauth2_settings.OIDC_ISS_ENDPOINT)])))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
