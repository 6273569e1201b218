"""What providers granted unasked, of what is connected already as far as events tell it."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH = 500


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """From the last event of each connection that tells of it, unless it was connected anew since.

    No lock is held over more than a batch: whoever uses connections meanwhile goes on.
    """
    Connection, Event = (apps.get_model("integrations", name) for name in ("Connection", "Event"))
    kinds = ("scope_unexpected", "connected", "reconnected")
    last = 0
    while pks := list(Connection.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        last = pks[-1]
        told = Event.objects.filter(connection_id__in=pks, kind__in=kinds).order_by("pk")
        newest = {event[0]: event for event in told.values_list("connection_id", "kind", "details")}
        for pk, kind, details in newest.values():
            if kind == "scope_unexpected":
                # What was stored since by this version knows better.
                scope = " ".join(sorted(map(str, details.get("scope", ()))))
                Connection.objects.filter(pk=pk, unexpected_scope="").update(unexpected_scope=scope)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("integrations", "0021_silence_and_failures")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
