"""Where a person lets a device in (RFC 8628 §3.3): they enter its code, read who asks for what, and decide."""

import math
import time
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from django import forms
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from oauth2_provider.scopes import get_scopes_backend

from hub.applications.authorizations import tell_allowed
from hub.applications.choice import CONNECT, allow_chosen, choice_of, connect_another, keep_ticks
from hub.applications.scope import concerns_connections
from hub.authorization_server import devices
from hub.authorization_server.configuration import SENSITIVE_SCOPE
from hub.authorization_server.consent import NAME_LIMIT
from hub.authorization_server.devices import UnknownCode
from hub.authorization_server.limits import TooOften
from hub.authorization_server.models import DeviceAuthorization
from integrations.flows.named import mark_of
from integrations.oauth.errors import printable
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.decorators import reauthenticated
from integrations.web.visitor import PersonRequest, client_address


class CodeForm(forms.Form):
    """The code that a device shows."""

    user_code = forms.CharField(
        label=_("Code"),
        max_length=100,
        help_text=_("Eight letters, as your device shows them. Small letters will do, and you need not type the dash."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def enter(request: PersonRequest) -> HttpResponse:
    """Ask for the code; a complete address (RFC 8628 §3.3.1) fills it in, and decides nothing."""
    if request.method != "POST":
        code = devices.normalised(request.GET.get("user_code", ""))
        return _code_page(request, CodeForm(initial={"user_code": devices.shown(code)} if code else None))
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _code_page(request, form, status=400)
    typed = form.cleaned_data["user_code"]
    try:
        device = devices.enter(typed, person_id=request.user.pk, address=client_address(request), now=timezone.now())
    except UnknownCode:
        form.add_error("user_code", gettext("No device waits with this code. Check it, or start again on the device."))
        return _code_page(request, form, status=400)
    except TooOften as often:
        form.add_error("user_code", _too_often(often.retry_after))
        return _code_page(request, form, status=429)
    return HttpResponseSeeOther(reverse("oauth2_provider:device-decision", kwargs={"pk": device.pk}))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def decide(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Who asks for what, to the person who entered the code; with POST, their decision. One that was made stands."""
    now = timezone.now()
    device = devices.waiting(pk, person_id=request.user.pk, now=now)
    if device is None:
        # Pressed twice, or gone back to.
        is_allowed = devices.decided(pk, person_id=request.user.pk, now=now)
        if is_allowed is None:
            return _code_page(request, CodeForm(), is_over=True, status=404)
        return _done(is_allowed=is_allowed)
    if SENSITIVE_SCOPE.isdisjoint(device.scope.split()) or _signed_in_just_now(request):
        return _decide(request, device)
    if request.method == "POST":
        # If the proof is out of date by now, the page is asked for again.
        keep_ticks(request, device.application.client_id)
    return reauthenticated(_decide)(request, device)


def _signed_in_just_now(request: PersonRequest) -> bool:
    """Whether this session began so lately that asking for the password once more would prove nothing new."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT


def _decide(request: PersonRequest, device: DeviceAuthorization) -> HttpResponse:
    if request.method != "POST":
        return render(request, "oauth2_provider/device_decision.html", _shown(request, device))
    if CONNECT in request.POST:
        return connect_another(request, device.application.client_id)
    allow = request.POST.get("decision") == "allow"
    with transaction.atomic():
        is_decided = devices.decide(device, person_id=request.user.pk, allow=allow, now=timezone.now())
        if is_decided and allow:
            scope = device.scope.split()
            tell_allowed(request, device.application, scope)
            allow_chosen(request, device.application, scope)
    if not is_decided:
        return HttpResponseSeeOther(request.path)
    return _done(is_allowed=allow)


def _done(*, is_allowed: bool) -> HttpResponse:
    return HttpResponseSeeOther(reverse(f"oauth2_provider:device-{'allowed' if is_allowed else 'denied'}"))


def _shown(request: PersonRequest, device: DeviceAuthorization) -> dict[str, object]:
    titles = get_scopes_backend().get_all_scopes()
    scope = device.scope.split()
    asks = concerns_connections(scope)
    return {
        "choice": choice_of(request, device.application.client_id) if asks else None,
        "client_name": printable(device.application.name, limit=NAME_LIMIT) or gettext("Unnamed client"),
        "mark": mark_of(device.application.client_id),
        "asked": [titles[name] for name in scope if name in titles],
        "device": device,
    }


@require_safe
@never_cache
@login_required
def allowed(request: PersonRequest) -> HttpResponse:
    """That the device is let in; it hears of it by itself."""
    return render(request, "oauth2_provider/device_done.html", {"is_allowed": True})


@require_safe
@never_cache
@login_required
def denied(request: PersonRequest) -> HttpResponse:
    """That nothing was shared."""
    return render(request, "oauth2_provider/device_done.html", {"is_allowed": False})


def _code_page(request: HttpRequest, form: CodeForm, *, is_over: bool = False, status: int = 200) -> HttpResponse:
    return render(request, "oauth2_provider/device.html", {"form": form, "is_over": is_over}, status=status)


def _too_often(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "Too many codes were not right. Try again in %(minutes)s minute.",
        "Too many codes were not right. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}
