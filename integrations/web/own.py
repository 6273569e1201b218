"""Look up what belongs to the person who asks; another person's is as unknown as what does not exist."""

from django.db import models
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from integrations.models import Connection
from integrations.web.visitor import PersonRequest


def own_connections(request: PersonRequest) -> QuerySet[Connection]:
    """The person's connections with their registrations and owners loaded."""
    return request.user.connections.select_related("registration", "owner").fetch_mode(models.FETCH_RAISE)


def own_connection(request: PersonRequest, uuid: str) -> Connection:
    """The person's connection with its registration and owner loaded.

    Raises:
        Http404
    """
    return get_object_or_404(own_connections(request), uuid=uuid)
