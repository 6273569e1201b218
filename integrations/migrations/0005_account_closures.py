import django.db.models.deletion
from django.conf import settings
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
]


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("integrations", "0004_notices"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountClosure",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="account_closure",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                (
                    "operator",
                    models.CharField(
                        blank=True,
                        help_text="The operator who deletes the account; empty: the person did.",
                        max_length=150,
                    ),
                ),
            ],
            options={"ordering": ("started_at",)},
        ),
        migrations.AlterField(model_name="event", name="kind", field=models.CharField(choices=KINDS, max_length=32)),
    ]
