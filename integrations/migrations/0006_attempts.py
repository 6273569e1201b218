import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("integrations", "0005_account_closures"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="clientregistration",
            options={
                "ordering": ("slug",),
                "permissions": (("check_clientregistration", "Can check client registrations at their providers"),),
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state_hash",
                    models.CharField(
                        editable=False,
                        help_text="Null: it failed before it had one.",
                        max_length=64,
                        null=True,
                        unique=True,
                    ),
                ),
                (
                    "request_id",
                    models.CharField(
                        blank=True,
                        db_index=True,
                        help_text="Of the last request that it saw.",
                        max_length=64,
                        verbose_name="support code",
                    ),
                ),
                (
                    "begun_request_id",
                    models.CharField(
                        blank=True,
                        db_index=True,
                        help_text="Of the request that began it.",
                        max_length=64,
                        verbose_name="support code when begun",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[("begun", "not finished"), ("connected", "connected"), ("failed", "failed")],
                        default="begun",
                        max_length=16,
                    ),
                ),
                (
                    "error_code",
                    models.CharField(blank=True, help_text="Of the step that failed; empty: none did.", max_length=64),
                ),
                (
                    "steps",
                    models.JSONField(default=list, help_text="In the order they happened. No secrets."),
                ),
                ("started_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="Until when the person could come back.")),
                ("ended_at", models.DateTimeField(help_text="Empty: not finished.", null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        help_text="The connection it changed or made; empty: none.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="integrations.connection",
                    ),
                ),
                (
                    "registration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="integrations.clientregistration",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connect_attempts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["registration", "-id"], name="attempt_by_registration")],
            },
        ),
        migrations.CreateModel(
            name="StrayResponse",
            fields=[
                (
                    "registration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="stray_responses",
                        serialize=False,
                        to="integrations.clientregistration",
                    ),
                ),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("last_at", models.DateTimeField()),
                (
                    "recent",
                    models.JSONField(default=list, help_text="Support codes of the last ones, the newest first."),
                ),
            ],
            options={"ordering": ("-last_at",)},
        ),
    ]
