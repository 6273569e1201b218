"""An application that was switched off gets nothing more from the authorization server."""

from typing import Any

from django.db import transaction
from oauth2_provider.models import Application
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request

from hub.applications.authorizations import end_tokens
from hub.applications.models import Suspension
from integrations.flows import webhooks
from integrations.flows.allow import end_links


class EnabledClients(OAuth2Validator):  # type: ignore[misc]
    """Mixed into a validator: a client that is switched off is as unknown as one that is not there."""

    def _load_application(self, client_id: str, request: Request) -> Any:
        known = request.client
        client = super()._load_application(client_id, request)
        if client is None or client is known or not Suspension.objects.filter(application=client).exists():
            return client
        request.client = None
        return None


def suspend(application: Application, *, operator: str, reason: str) -> bool:
    """Switch an application off and end its tokens; what people allowed it is kept. False: it was off already."""
    with transaction.atomic():
        _, made = Suspension.objects.get_or_create(
            application=application, defaults={"operator": operator[:150], "reason": reason[:200]}
        )
        _end(application)
        webhooks.silence(application.client_id)
    return made


def resume(application: Application) -> bool:
    """Switch an application on again; its tokens do not come back. False: it was on already."""
    with transaction.atomic():
        ended = bool(Suspension.objects.filter(application=application).delete()[0])
        if ended:
            # What a request that was let in before it went off stored since was good for nothing; so it stays.
            _end(application)
            webhooks.let_hear(application.client_id)
    return ended


def _end(application: Application) -> None:
    end_tokens(application)
    end_links(application.client_id)
