"""Only what is the reader's own: an application they made, and its endpoints."""

from collections.abc import Mapping
from uuid import UUID

from django.http import Http404
from oauth2_provider.models import Application

from integrations.flows import webhooks
from integrations.models import WebhookEndpoint
from integrations.oauth.errors import printable
from integrations.web.visitor import PersonRequest

NAME_LIMIT = 120


def own_applications(request: PersonRequest) -> Mapping[str, str]:
    """The reader's applications: name by client_id."""
    rows = Application.objects.filter(user=request.user).order_by("name", "client_id")
    return {
        client_id: printable(name, limit=NAME_LIMIT) or client_id
        for client_id, name in rows.values_list("client_id", "name")
    }


def own_endpoint(request: PersonRequest, uuid: UUID) -> WebhookEndpoint:
    """One endpoint of one of the reader's applications.

    Raises:
        Http404: there is none, or it is somebody else's.
    """
    found = webhooks.find(request.user.pk, own_applications(request).keys(), uuid)
    if found is None:
        raise Http404
    return found
