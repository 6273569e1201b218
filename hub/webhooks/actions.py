"""What the buttons on a webhook's page do."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from hub.webhooks.own import own_endpoint
from hub.webhooks.views import show_secret, to_page
from hub.webhooks.words import NO_KEYS, REFUSALS
from integrations.flows import webhooks as flow
from integrations.flows.webhooks import WebhookRefused
from integrations.models import WebhookDelivery, WebhookEndpoint
from integrations.oauth.errors import OAuthError
from integrations.web.decorators import action_of
from integrations.web.visitor import PersonRequest, client_address

PAGE = "webhooks:endpoint"


@action_of(PAGE)
def test(request: PersonRequest, uuid: UUID) -> HttpResponse:
    row = own_endpoint(request, uuid)
    done = _("A test message is on its way. Load this page again in a minute.")
    return _done(request, row, lambda: flow.send_test(row, now=timezone.now()), done)


@never_cache
@action_of(PAGE)
def replace_secret(request: PersonRequest, uuid: UUID) -> HttpResponse:
    row = own_endpoint(request, uuid)
    try:
        made = flow.rotate(row, now=timezone.now(), actor=request.user.get_username(), ip=client_address(request))
    except OAuthError:
        messages.error(request, str(NO_KEYS))
        return to_page(row)
    return show_secret(request, made)


@action_of(PAGE)
def enable(request: PersonRequest, uuid: UUID) -> HttpResponse:
    row, now = own_endpoint(request, uuid), timezone.now()
    actor, ip = request.user.get_username(), client_address(request)
    return _done(request, row, lambda: flow.enable(row, now=now, actor=actor, ip=ip), _("The webhook is on again."))


@action_of(PAGE)
def redeliver(request: PersonRequest, uuid: UUID) -> HttpResponse:
    row, message_id = own_endpoint(request, uuid), request.POST.get("message", "")
    done = _("The message is on its way again. Load this page again in a minute.")
    try:
        return _done(request, row, lambda: flow.redeliver(row, message_id, now=timezone.now()), done)
    except WebhookDelivery.DoesNotExist:
        raise Http404 from None


def _done(request: PersonRequest, row: WebhookEndpoint, act: Callable[[], object], done: str) -> HttpResponse:
    try:
        act()
    except WebhookRefused as error:
        messages.error(request, str(REFUSALS[error.code]))
    except OAuthError:
        messages.error(request, str(NO_KEYS))
    else:
        messages.success(request, done)
    return to_page(row)
