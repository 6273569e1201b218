"""Where applications hear of connections, what they are told, and the notice of an address that was switched off."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0015_bulk_members"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event_id",
                    models.BigIntegerField(
                        help_text="Which event; it may be deleted. Null: a test message.", null=True
                    ),
                ),
                (
                    "message_id",
                    models.CharField(help_text="The same however often it is sent.", max_length=64, unique=True),
                ),
                ("kind", models.CharField(max_length=64)),
                ("body", models.TextField(help_text="What is signed and sent, to the byte.")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("failed", "Failed")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, help_text="Since it was last ordered to be sent.")),
                ("next_attempt_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "lease_owner",
                    models.CharField(blank=True, help_text="Who sends it now; empty: nobody.", max_length=64),
                ),
                ("lease_until", models.DateTimeField(help_text="Null: no lease.", null=True)),
                ("last_attempt_at", models.DateTimeField(null=True)),
                ("last_status", models.PositiveSmallIntegerField(help_text="HTTP status; null: no answer.", null=True)),
                (
                    "last_error_code",
                    models.CharField(blank=True, help_text="What went wrong; empty: nothing.", max_length=64),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("delivered_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "issuer",
                    models.CharField(
                        blank=True, help_text="Who knows the application; empty: the hub itself.", max_length=512
                    ),
                ),
                ("client_id", models.CharField(max_length=255)),
                ("url", models.CharField(max_length=2000)),
                ("kinds", models.JSONField(default=list, help_text="Types of messages that are sent here.")),
                ("sealed_secret", models.BinaryField(help_text="Null: lost; nothing is sent without one.", null=True)),
                ("sealed_previous_secret", models.BinaryField(help_text="Null: there is none.", null=True)),
                (
                    "previous_secret_ends_at",
                    models.DateTimeField(help_text="Until then both sign; null: there is none.", null=True),
                ),
                (
                    "secret_version",
                    models.PositiveIntegerField(default=0, editable=False, help_text="Grows with every new secret."),
                ),
                ("disabled_at", models.DateTimeField(help_text="Null: switched on.", null=True)),
                (
                    "disabled_why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("failing", "It failed for five days"),
                            ("gone", "It answered that it is gone for good (410)"),
                            ("secret_unreadable", "Its secret cannot be opened any more"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "failing_since",
                    models.DateTimeField(help_text="Null: the last attempt went through, or there is none.", null=True),
                ),
                ("failure_count", models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")),
                ("paused_until", models.DateTimeField(help_text="Nothing is sent before; null: no pause.", null=True)),
                (
                    "last_attempt_at",
                    models.DateTimeField(help_text="When something was last taken to be sent here.", null=True),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="notice",
            name="notice_kind_is_known",
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
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
                    ("application_allowed", "Application allowed"),
                    ("application_removed", "Application removed"),
                    ("webhook_changed", "Webhook changed"),
                    ("webhook_disabled", "Webhook switched off"),
                    ("data_exported", "Data exported"),
                    ("account_deleted", "Account deleted"),
                    ("registered", "Provider registered"),
                    ("registration_changed", "Provider registration changed"),
                    ("registration_broken", "Provider refuses our registration"),
                    ("admin_action", "Done by an operator"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="connection",
            field=models.ForeignKey(
                help_text="Null: it is about a webhook.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.connection",
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("needs_you", "Reconnection needed"),
                    ("connected", "Connected"),
                    ("webhook_disabled", "Webhook switched off"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="webhook_endpoints",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="endpoint",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="integrations.webhookendpoint",
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="webhook_endpoint",
            field=models.ForeignKey(
                help_text="Null: about a connection.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.webhookendpoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("connection__isnull", False), ("kind__in", ("needs_you", "connected"))),
                    models.Q(("kind", "webhook_disabled"), ("webhook_endpoint__isnull", False)),
                    _connector="OR",
                ),
                name="a_notice_is_about_something",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(fields=["issuer", "client_id"], name="webhook_endpoint_by_client"),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("client_id", ""), _negated=True), name="webhook_endpoint_names_its_application"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disabled_at__isnull", True), ("disabled_why", "")),
                    models.Q(("disabled_at__isnull", False), models.Q(("disabled_why", ""), _negated=True)),
                    _connector="OR",
                ),
                name="a_disabled_webhook_endpoint_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("previous_secret_ends_at__isnull", True), ("sealed_previous_secret__isnull", True)),
                    models.Q(("previous_secret_ends_at__isnull", False), ("sealed_previous_secret__isnull", False)),
                    _connector="OR",
                ),
                name="a_previous_webhook_secret_has_an_end",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["endpoint", "next_attempt_at"],
                name="webhook_delivery_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("lease_until__isnull", False)),
                fields=["lease_until"],
                name="webhook_delivery_in_flight",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["endpoint", "-id"], name="webhook_delivery_by_endpoint"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["created_at"], name="webhook_delivery_by_age"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("event_id__isnull", False)),
                fields=("endpoint", "event_id"),
                name="one_message_per_webhook_endpoint_and_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lease_owner", ""), ("lease_until__isnull", True)),
                    models.Q(models.Q(("lease_owner", ""), _negated=True), ("lease_until__isnull", False)),
                    _connector="OR",
                ),
                name="a_webhook_lease_has_an_owner_and_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "delivered", "failed"))),
                name="webhook_delivery_state_is_known",
            ),
        ),
    ]
