"""Links by which applications ask people to connect, and answers that are given again."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0017_application_roles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ConnectLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("client_id", models.CharField(max_length=255)),
                ("client_name", models.CharField(blank=True, max_length=255)),
                (
                    "features",
                    models.JSONField(default=list, help_text="Slugs of what the application would like to use."),
                ),
                (
                    "return_to",
                    models.CharField(
                        blank=True,
                        help_text="At one of the origins that the application registered; empty: nowhere.",
                        max_length=2000,
                    ),
                ),
                ("expires_at", models.DateTimeField(db_index=True, help_text="It cannot be started from then on.")),
                ("started_at", models.DateTimeField(help_text="Null: not used yet.", null=True)),
                (
                    "shares",
                    models.BooleanField(
                        default=False, help_text="The person lets the application use what they connect."
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "connection",
                    models.ForeignKey(
                        help_text="What came of it; null: nothing.",
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
                        related_name="+",
                        to="integrations.clientregistration",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        help_text="Whom it is for.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connect_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="authorizationrequest",
            name="link",
            field=models.ForeignKey(
                help_text="The application's link that led here; null: the person came by themselves.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="integrations.connectlink",
            ),
        ),
        migrations.CreateModel(
            name="AnsweredRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(help_text="Hash of application, person and key.", max_length=64, unique=True),
                ),
                ("fingerprint", models.CharField(help_text="Hash of what was asked.", max_length=64)),
                ("status", models.PositiveSmallIntegerField(help_text="Null: not answered yet.", null=True)),
                ("body", models.TextField(blank=True, help_text="JSON; no secrets.")),
                ("begun_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__isnull", False), ("body", ""), _connector="OR"),
                        name="no_body_before_an_answer",
                    )
                ],
            },
        ),
    ]
