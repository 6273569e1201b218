"""What an application may borrow."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0013_pruning"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
        migrations.CreateModel(
            name="Allowance",
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
                (
                    "features",
                    models.JSONField(default=list, help_text="Slugs of what was chosen, as the catalogue names them."),
                ),
                (
                    "scope",
                    models.TextField(
                        blank=True, help_text="What that comes to at the provider; space-separated, sorted."
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "connection",
                    models.ForeignKey(
                        help_text="Null: each of the hub's own at the registration.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="allowances",
                        to="integrations.connection",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        help_text="Who allowed it of what is theirs; null: an operator, of what is the hub's own.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="allowances",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "registration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="allowances",
                        to="integrations.clientregistration",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [models.Index(fields=["person", "issuer", "client_id"], name="allowance_by_person")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("connection__isnull", False)),
                        fields=("issuer", "client_id", "connection"),
                        name="one_allowance_per_application_and_connection",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("connection__isnull", True)),
                        fields=("issuer", "client_id", "registration"),
                        name="one_allowance_per_application_and_registration",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("person__isnull", True), ("connection__isnull", False), _connector="OR"),
                        name="a_person_allows_a_connection",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("client_id", ""), _negated=True), name="allowance_names_its_application"
                    ),
                ],
            },
        ),
    ]
