"""What providers granted unasked, of what is connected already as far as events tell it."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """From the last event of each connection, unless it was connected anew since. There are few such events."""
    Connection, Event = (apps.get_model("integrations", name) for name in ("Connection", "Event"))
    seen = set[int]()
    told = Event.objects.filter(kind="scope_unexpected", connection__isnull=False).order_by("-pk")
    for pk, connection_id, details in told.values_list("pk", "connection_id", "details").iterator():
        renewed = Event.objects.filter(connection_id=connection_id, kind="reconnected", pk__gt=pk)
        if connection_id not in seen and not renewed.exists():
            scope = " ".join(sorted(map(str, details.get("scope", ()))))
            Connection.objects.filter(pk=connection_id).update(unexpected_scope=scope)
        seen.add(connection_id)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0018_api")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="unexpected_scope",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="What the provider granted unasked, so that its tokens can do it too; space-separated, "
                "sorted.",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
