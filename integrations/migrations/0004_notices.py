"""Mail that waits to be sent, who is writing to whom, and which mail and language people want."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0002_connection_variables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Preferences",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preferences",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "mail_needs_you",
                    models.BooleanField(default=True, help_text="Wants mail when a connection must be reconnected."),
                ),
                (
                    "mail_connected",
                    models.BooleanField(default=True, help_text="Wants mail when a connection was added."),
                ),
                ("language", models.CharField(blank=True, help_text="Empty: as the browser asks.", max_length=16)),
            ],
        ),
        migrations.CreateModel(
            name="Mailbox",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="mailbox",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lease_owner",
                    models.CharField(blank=True, help_text="Who writes to them now; empty: nobody.", max_length=64),
                ),
                ("lease_until", models.DateTimeField(help_text="Null: no lease.", null=True)),
                (
                    "quiet_until",
                    models.DateTimeField(
                        help_text="Until then what needs them is gathered; null: nothing was sent lately.", null=True
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lease_owner", ""), ("lease_until__isnull", True)),
                            models.Q(models.Q(("lease_owner", ""), _negated=True), ("lease_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_mailbox_lease_has_an_owner_and_an_end",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("needs_you", "Reconnection needed"), ("connected", "Connected")], max_length=16
                    ),
                ),
                (
                    "ip",
                    models.GenericIPAddressField(
                        help_text="Where it was done; null: not known, or by the hub.", null=True
                    ),
                ),
                (
                    "user_agent",
                    models.CharField(blank=True, help_text="By which browser, as it called itself.", max_length=300),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "next_attempt_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="integrations.connection"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "indexes": [models.Index(fields=["user", "kind"], name="notice_by_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("needs_you", "connected"))), name="notice_kind_is_known"
                    )
                ],
            },
        ),
    ]
