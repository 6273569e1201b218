"""What a bulk revocation concerns is kept when it is confirmed.

Of an order that is under way nobody knows any more what was confirmed; it is cancelled, and can be ordered anew.
"""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone


def cancel_what_is_under_way(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    orders = apps.get_model("integrations", "BulkRevocation").objects.filter(
        finished_at__isnull=True, cancelled_at__isnull=True
    )
    orders.update(cancelled_at=timezone.now(), cancelled_by="upgrade: order it again", lease_owner="", lease_until=None)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0014_allowances")]

    operations = [
        migrations.RunPython(cancel_what_is_under_way, migrations.RunPython.noop, elidable=True),
        migrations.CreateModel(
            name="BulkMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="integrations.connection"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="integrations.bulkrevocation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("order", "connection"), name="a_bulk_revocation_names_a_connection_once"
                    )
                ],
            },
        ),
    ]
