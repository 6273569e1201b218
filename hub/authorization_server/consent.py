"""The consent page: a person decides what an application may do for them, and with which of their connections.

What the page showed is what is allowed: the form carries a signed copy of it, and a form that says anything else, or
that another person was shown, leads nowhere. Which connections may be used is chosen by `hub.applications.choice`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django import forms
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.translation import gettext
from django.views.decorators.csp import csp_override
from oauth2_provider import views
from oauth2_provider.forms import AllowForm
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.models import Application
from oauth2_provider.scopes import get_scopes_backend
from oauth2_provider.settings import oauth2_settings
from oauthlib.oauth2 import OAuth2Error

from hub.applications.authorizations import scope_held, tell_allowed
from hub.applications.choice import CONNECT, allow_chosen, choice_of, connect_another
from hub.applications.kept import GOOD_FOR_SECONDS
from hub.applications.redirect_uris import is_loopback
from hub.applications.scope import concerns_connections
from hub.authorization_server.client_authentication import is_registered_redirect_uri
from hub.resource_server.identifier import api_identifier
from integrations.flows.named import mark_of
from integrations.oauth.errors import printable

NAME_LIMIT = 120
SALT = "hub.authorization_server.consent"
#: What a person reads on the page, or what is done with their answer.
SHOWN = (
    *("client_id", "redirect_uri", "scope", "state", "response_type"),
    *("code_challenge", "code_challenge_method", "nonce", "resource"),
)


class ConsentForm(AllowForm):  # type: ignore[misc]
    """The toolkit's form, and a signed copy of what the page showed."""

    shown = forms.CharField(widget=forms.HiddenInput())
    state = forms.CharField(required=False, strip=False, widget=forms.HiddenInput())


class AuthorizationView(views.AuthorizationView):  # type: ignore[misc]
    """Ask a person whether a client may act for them (RFC 6749 §4.1.1). Always asks: no client can skip it."""

    form_class = ConsentForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        query = request.GET.copy()
        query.pop("approval_prompt", None)
        request.GET = query  # type: ignore[assignment]
        return super().get(request, *args, **kwargs)  # type: ignore[no-any-return]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if CONNECT in request.POST:
            return connect_another(self.request, request.GET.get("client_id", ""))
        return super().post(request, *args, **kwargs)  # type: ignore[no-any-return]

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()
        return initial | {"shown": _signed(self.request, initial)}

    def form_valid(self, form: ConsentForm) -> HttpResponse:
        application = Application.objects.filter(client_id=form.cleaned_data["client_id"]).first()
        if not application or not is_registered_redirect_uri(application, form.cleaned_data["redirect_uri"]):
            return self.form_invalid(form)
        if set(form.cleaned_data["resource"].split()) - {api_identifier()}:
            return self.form_invalid(form)
        try:
            shown = _what_was_shown(self.request, form.cleaned_data)
        except signing.SignatureExpired:
            return self.render_to_response({"error": {"error": "invalid_request"}, "is_old": True}, status=400)
        if shown is None:
            return self.form_invalid(form)
        # To the letter (RFC 6749 §4.1.2): a form has other line breaks.
        form.cleaned_data["state"] = shown["state"]
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            # Known only where the toolkit made a grant.
            if form.cleaned_data.get("allow") and getattr(self, "success_url", None):
                self._allow(application, form.cleaned_data["scope"].split())
        return response

    def form_invalid(self, form: ConsentForm) -> HttpResponse:
        """Answer a form that is not the one we rendered; there is no address that it would be safe to return to."""
        return self.render_to_response({"error": {"error": "invalid_request"}}, status=400)

    def redirect(self, redirect_to: str, application: Application | None) -> HttpResponse:
        # It is one of the application's own; plain http is good for the person's own machine (RFC 8252 §7.3).
        schemes = {"https", *oauth2_settings.ALLOWED_REDIRECT_URI_SCHEMES}
        if is_loopback(urlsplit(redirect_to).hostname or ""):
            schemes.add("http")
        response: HttpResponse = OAuth2ResponseRedirect(_with_iss(redirect_to), schemes)
        response.status_code = 303
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        application, scope = context["application"], context["scopes"]
        held = scope_held(self.request.user.pk, application, now=timezone.now())
        titles = get_scopes_backend().get_all_scopes()
        context["client_name"] = printable(application.name, limit=NAME_LIMIT) or gettext("Unnamed client")
        context["mark"] = mark_of(application.client_id)
        context["asked"] = [titles[token] for token in scope if token not in held]
        context["held"] = [titles[token] for token in scope if token in held]
        context["destination"] = urlsplit(context["redirect_uri"]).netloc
        if concerns_connections(scope):
            context["choice"] = choice_of(self.request, application.client_id)
        return context

    def render_to_response(self, context: Mapping[str, Any], **kwargs: Any) -> HttpResponse:
        """Show the page, or, where there is no `redirect_uri`, why there is none; then what was asked is repeated."""
        if "error" in context:
            context = {**context, "error": _as_text(context["error"])}
        response: HttpResponse = super().render_to_response(context, **kwargs)
        if "redirect_uri" not in context:
            return response
        # Chromium applies form-action to every redirect that follows the form: to the application, and on from there.
        # Which address the first one leads to, `redirect` sees to.
        base: dict[str, Any] = settings.SECURE_CSP
        host = urlsplit(context["redirect_uri"]).hostname or ""
        policy = base | {"form-action": [CSP.SELF, "https:", *([_own_machine(host)] if is_loopback(host) else [])]}
        return csp_override(policy)(lambda _: response)(self.request)

    def _allow(self, application: Application, scope: list[str]) -> None:
        """Note what was allowed, and which connections may be used, with the grant or not at all."""
        tell_allowed(self.request, application, scope)
        allow_chosen(self.request, application, scope)


def _own_machine(host: str) -> str:
    """Plain http to the person's own machine, as a policy can say it: it has no way to write an address in brackets."""
    return "http:" if ":" in host else f"http://{host}:*"


def _signed(request: HttpRequest, shown: Mapping[str, Any]) -> str:
    return signing.dumps([request.user.pk, *(_text(shown.get(name)) for name in SHOWN)], salt=SALT)


def _what_was_shown(request: HttpRequest, sent: Mapping[str, Any]) -> dict[str, str] | None:
    """What the page showed, by name; None unless this person was shown it, and the form says the same.

    Raises:
        SignatureExpired: it was shown to somebody, longer ago than GOOD_FOR_SECONDS.
    """
    try:
        person, *texts = signing.loads(sent["shown"], salt=SALT, max_age=GOOD_FOR_SECONDS)
    except signing.SignatureExpired:
        raise
    except signing.BadSignature:
        return None
    is_same = [_comparable(text) for text in texts] == [_comparable(_text(sent.get(name))) for name in SHOWN]
    return dict(zip(SHOWN, texts, strict=True)) if person == request.user.pk and is_same else None


def _text(value: object) -> str:
    # A field that is missing is the empty text.
    return "" if value is None else str(value)


def _comparable(text: str) -> str:
    # Forms strip most fields, and browsers write line breaks their own way.
    return text.strip().replace("\r\n", "\n").replace("\r", "\n")


def _as_text(error: Mapping[str, Any] | OAuth2Error) -> dict[str, str]:
    """What an error says, which may repeat what the request held."""
    if isinstance(error, OAuth2Error):
        return {"error": printable(error.error or ""), "description": printable(error.description or "")}
    return {name: printable(str(text)) for name, text in error.items()}


def _with_iss(redirect_to: str) -> str:
    """Add our issuer to an authorization response, which the toolkit forgets on errors (RFC 9207 §2)."""
    url = urlsplit(redirect_to)
    pairs = [pair for pair in parse_qsl(url.query, keep_blank_values=True) if pair[0] != "iss"]
    return urlunsplit(url._replace(query=urlencode([*pairs, ("iss", oauth2_settings.OIDC_ISS_ENDPOINT)])))
