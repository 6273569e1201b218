"""Bulk revocations, events of what operators did, and what admin asks of events and sweeps."""

import django.db.models.deletion
from django.db import migrations, models

KINDS = [
    ("connected", "Connected"),
    ("reconnected", "Reconnected"),
    ("connect_failed", "Connecting failed"),
    ("scope_changed", "Permissions changed"),
    ("scope_unexpected", "More permissions granted than asked for"),
    ("refreshed", "Access renewed"),
    ("refresh_failed", "Renewal failed"),
    ("needs_reauthorization", "Reconnection needed"),
    ("recovered", "Works again"),
    ("used", "Used"),
    ("renamed", "Renamed"),
    ("disconnected", "Disconnected"),
    ("revoked_at_provider", "Access withdrawn at the provider"),
    ("revocation_failed", "Access could not be withdrawn at the provider"),
    ("seal_broken", "Stored tokens cannot be opened"),
    ("data_exported", "Data exported"),
    ("account_deleted", "Account deleted"),
    ("registered", "Provider registered"),
    ("registration_changed", "Provider registration changed"),
    ("registration_broken", "Provider refuses our registration"),
    ("admin_action", "Done by an operator"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0007_operator_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkRevocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("selection", models.JSONField(help_text="What was chosen, by name of the filter.")),
                ("reason", models.CharField(help_text="Kept with every connection it ends.", max_length=200)),
                ("actor", models.CharField(help_text="Who ordered it.", max_length=150)),
                ("total", models.PositiveBigIntegerField(help_text="Connections it concerned when it was ordered.")),
                ("last_pk", models.PositiveBigIntegerField(help_text="Connections that came later are not concerned.")),
                ("cursor", models.PositiveBigIntegerField(default=0, help_text="Connections up to this one are done.")),
                ("wiped", models.PositiveBigIntegerField(default=0, help_text="Ended here.")),
                (
                    "untold",
                    models.PositiveBigIntegerField(
                        default=0,
                        help_text="Of those, whose provider has no way to be told, or whose tokens could not be opened.",
                    ),
                ),
                ("failed", models.PositiveBigIntegerField(default=0, help_text="Not ended.")),
                ("failures", models.JSONField(default=list, help_text="The first of those, and why.")),
                (
                    "lease_owner",
                    models.CharField(blank=True, help_text="Who works on it now; empty: nobody.", max_length=64),
                ),
                ("lease_until", models.DateTimeField(help_text="Null: no lease.", null=True)),
                ("started_at", models.DateTimeField()),
                (
                    "finished_at",
                    models.DateTimeField(help_text="When the last one was reached; null: not yet.", null=True),
                ),
                ("cancelled_at", models.DateTimeField(help_text="Null: not cancelled.", null=True)),
                ("cancelled_by", models.CharField(blank=True, max_length=150)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.AlterModelOptions(
            name="event",
            options={"ordering": ("-id",), "permissions": [("export_event", "Can export events")]},
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=32),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["kind", "-id"], name="event_by_kind"),
        ),
        migrations.AddIndex(
            model_name="sweeprun",
            index=models.Index(fields=["-started_at"], name="sweep_by_start"),
        ),
        migrations.AddConstraint(
            model_name="bulkrevocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lease_owner", ""), ("lease_until__isnull", True)),
                    models.Q(models.Q(("lease_owner", ""), _negated=True), ("lease_until__isnull", False)),
                    _connector="OR",
                ),
                name="a_bulk_lease_has_an_owner_and_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkrevocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("finished_at__isnull", True), ("cancelled_at__isnull", True), _connector="OR"),
                name="a_bulk_revocation_ends_one_way",
            ),
        ),
        migrations.AddField(
            model_name="pendingrevocation",
            name="bulk",
            field=models.ForeignKey(
                help_text="The order that ended the connection; null: it was ended by itself.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="pending_revocations",
                to="integrations.bulkrevocation",
            ),
        ),
    ]
