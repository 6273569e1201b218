"""Try it: call a provider's API by hand, by the very way a program takes."""

import time
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from integrations.flows import access
from integrations.flows.access import Answer
from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from integrations.providers import PROVIDERS
from integrations.providers.provider import Provider
from integrations.web import console as panel
from integrations.web.addresses import HttpResponseSeeOther, with_next
from integrations.web.answers import shown
from integrations.web.console_form import CHANGING, ConsoleForm
from integrations.web.decorators import action_of
from integrations.web.own import own_connection
from integrations.web.presentation import connection_card, is_held
from integrations.web.turns import NotNow, turn
from integrations.web.visitor import PersonRequest

PART = "Hub-Part"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def console(request: PersonRequest, uuid: str) -> HttpResponse:
    """Show the form, filled in by a link or as it was left; with POST, make the call."""
    connection = own_connection(request, uuid)
    provider = PROVIDERS.get(connection.registration.provider)
    if provider is None or not is_held(connection):
        return redirect("integrations:connection", uuid=uuid)
    base = panel.api_base(connection, provider)
    if request.method == "POST":
        return _run(request, connection, ConsoleForm(request.POST, provider=provider, base=base), provider)
    kept = panel.kept(request, connection, now=timezone.now())
    linked = panel.from_address(request.GET.dict())
    form = ConsoleForm(provider=provider, base=base, initial=linked or kept)
    return _page(request, connection, form, provider, was_kept=bool(kept) and not linked)


@never_cache
@action_of("integrations:connection")
def try_feature(request: PersonRequest, uuid: str) -> HttpResponse:
    """Run a feature's example in the console."""
    connection = own_connection(request, uuid)
    provider = PROVIDERS.get(connection.registration.provider)
    on = provider.features_of(connection.scope)[0] if provider else ()
    feature = next((f for f in on if f.test_path and f.slug == request.POST.get("feature")), None)
    if provider is None or feature is None:
        raise Http404
    data = {"method": "GET", "path": feature.test_path, "feature": feature.slug, "body": ""}
    form = ConsoleForm(data, provider=provider, base=panel.api_base(connection, provider))
    return _run(request, connection, form, provider)


def _run(request: PersonRequest, connection: Connection, form: ConsoleForm, provider: Provider) -> HttpResponse:
    now = timezone.now()
    if not form.is_valid():
        return _page(request, connection, form, provider, status=400)
    panel.keep(request, connection, form.data, now=now)
    if form.cleaned_data["method"] in CHANGING and not _has_proven(request):
        return _ask_for_proof(request, connection)
    started = time.monotonic()
    try:
        with turn(request.user.pk, now=now):
            answer = _call(request, connection, form)
    except NotNow as refused:
        return _page(request, connection, form, provider, trouble=panel.not_now(refused))
    except OAuthError as error:
        if error.code == "destination_refused":
            form.add_error("path", form.elsewhere)
            return _page(request, connection, form, provider, status=400)
        trouble = panel.trouble(error, connection, form, provider=provider.name)
        return _page(request, connection, form, provider, trouble=trouble)
    if answer.ok:
        panel.forget(request)
    result = shown(answer, milliseconds=round((time.monotonic() - started) * 1000), provider=provider.name)
    missing = panel.missing_features(connection, provider) if answer.status == 403 else ()
    again = panel.reconnecting(connection) if answer.status == 401 else None
    return _page(request, connection, form, provider, result=result, missing=missing, again=again)


def _call(request: PersonRequest, connection: Connection, form: ConsoleForm) -> Answer:
    actor = f"{request.user.get_username()} (console)"
    return access.call(connection, form.call, scope=form.chosen.scope, actor=actor)


def _page(
    request: PersonRequest,
    connection: Connection,
    form: ConsoleForm,
    provider: Provider,
    *,
    status: int = 200,
    trouble: panel.Trouble | None = None,
    **more: Any,
) -> HttpResponse:
    base = panel.api_base(connection, provider)
    typed = form if form.is_bound else ConsoleForm(form.initial, provider=provider, base=base)
    context: Mapping[str, object] = {
        "card": connection_card(connection),
        "console_url": panel.console_page(connection),
        "form": form,
        "base": base,
        "examples": panel.examples(connection, provider),
        "trouble": trouble,
        "python": panel.in_python(typed.call, provider=provider, feature=typed.chosen) if typed.is_valid() else "",
        **more,
    }
    response = render(request, "integrations/console.html", context, status=trouble.status if trouble else status)
    # For console.js, which puts nothing into the page that is not this.
    response.headers[PART] = "console"
    if trouble and trouble.retry_after:
        response.headers["Retry-After"] = str(trouble.retry_after)
    return response


@reauthentication_required  # type: ignore[untyped-decorator]
def _needs_proof(request: HttpRequest) -> None:
    """Do nothing, for somebody who has just proven who they are."""


def _has_proven(request: HttpRequest) -> bool:
    try:
        _needs_proof(request)
    except ReauthenticationRequired:
        # Not passed on: allauth would keep the form and send it by itself, once the person has proven who they are.
        return False
    return True


def _ask_for_proof(request: PersonRequest, connection: Connection) -> HttpResponse:
    """What is typed was kept: the person comes back to it, reads it again and sends it."""
    way: str = get_adapter().get_reauthentication_methods(request.user)[0]["url"]
    return HttpResponseSeeOther(with_next(way, next_path=panel.console_page(connection)))
