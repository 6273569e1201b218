"""Give a connection its owner's own name."""

from django.db import transaction

from integrations.flows.events import record
from integrations.models import Connection, Event


def rename(connection: Connection, *, name: str, actor: str) -> None:
    """Store the name, if it is another than before; the empty name is the account's."""
    with transaction.atomic():
        changed = Connection.objects.filter(pk=connection.pk).exclude(name=name).update(name=name)
        if changed:
            record(Event.Kind.RENAMED, connection=connection, actor=actor)
