"""How providers stand (pauses, circuits, rates), how a sweep went and goes, and an index to sweep one registration."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Coalesce


def tell_how_runs_ended(apps, schema_editor):
    """Runs written before that was kept: those with an end were complete, as far as anybody knows."""
    runs = apps.get_model("integrations", "SweepRun").objects
    runs.update(seen_at=Coalesce("finished_at", "started_at"))
    runs.filter(finished_at__isnull=False).update(ended="complete")


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0008_bulk_revocations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderStanding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("endpoint", models.CharField(help_text="Host, and port if need be.", max_length=255, unique=True)),
                (
                    "variables",
                    models.JSONField(blank=True, default=dict, help_text="With these values of a connection's own."),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[("", "answers"), ("asked", "asked for a pause"), ("down", "does not answer")],
                        default="",
                        max_length=8,
                    ),
                ),
                (
                    "error_code",
                    models.CharField(blank=True, help_text="What it answered last; empty: all is well.", max_length=64),
                ),
                ("since", models.DateTimeField(help_text="When the trouble began; null: none.", null=True)),
                ("until", models.DateTimeField(help_text="Not asked before; null: may be asked.", null=True)),
                ("openings", models.PositiveIntegerField(default=0, help_text="How often in a row it was found down.")),
                (
                    "probe_until",
                    models.DateTimeField(help_text="Somebody tries it until then; null: nobody.", null=True),
                ),
                (
                    "next_request_at",
                    models.DateTimeField(
                        help_text="The next free moment where its rate is capped; null: it is not.", null=True
                    ),
                ),
            ],
            options={
                "ordering": ("endpoint",),
            },
        ),
        migrations.AddField(
            model_name="clientregistration",
            name="token_requests_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How many refreshes this provider may be sent a minute, by all workers together. Empty: as the catalogue says.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(600000),
                ],
            ),
        ),
        migrations.AddField(
            model_name="sweeprun",
            name="circuits",
            field=models.JSONField(
                default=dict,
                help_text="Token endpoints it did not ask, or not to the end: reason, code and until when.",
            ),
        ),
        migrations.AddField(
            model_name="sweeprun",
            name="ended",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "running"),
                    ("complete", "complete"),
                    ("stopped", "stopped"),
                    ("failed", "failed"),
                    ("interrupted", "interrupted"),
                ],
                default="",
                help_text="Empty: running. Interrupted: it was killed, and a later run noticed.",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="sweeprun",
            name="provider",
            field=models.CharField(blank=True, help_text="The only one it swept; empty: all.", max_length=64),
        ),
        migrations.AddField(
            model_name="sweeprun",
            name="seen_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), help_text="Its last sign of life."
            ),
        ),
        migrations.AddField(
            model_name="sweeprun",
            name="worker",
            field=models.CharField(blank=True, help_text="Host and process.", max_length=100),
        ),
        migrations.AlterField(
            model_name="sweeprun",
            name="by_provider",
            field=models.JSONField(default=dict, help_text="By provider, then by outcome, so far."),
        ),
        migrations.AlterField(
            model_name="sweeprun",
            name="counts",
            field=models.JSONField(default=dict, help_text="By outcome, so far."),
        ),
        migrations.AlterField(
            model_name="sweeprun",
            name="finished_at",
            field=models.DateTimeField(help_text="Null: running, or killed just now.", null=True),
        ),
        migrations.AddIndex(
            model_name="connection",
            index=models.Index(
                condition=models.Q(("refresh_due_at__isnull", False)),
                fields=["registration", "refresh_due_at", "id"],
                name="connection_due_by_registration",
            ),
        ),
        migrations.AddIndex(
            model_name="sweeprun",
            index=models.Index(condition=models.Q(("ended", "")), fields=["seen_at"], name="sweep_run_under_way"),
        ),
        migrations.AddField(
            model_name="providerstanding",
            name="registration",
            field=models.ForeignKey(
                help_text="One that goes to this endpoint.",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.clientregistration",
            ),
        ),
        migrations.AddConstraint(
            model_name="providerstanding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), ("until__isnull", True)),
                    models.Q(models.Q(("reason", ""), _negated=True), ("until__isnull", False)),
                    _connector="OR",
                ),
                name="a_pause_has_a_reason_and_an_end",
            ),
        ),
        migrations.RunPython(tell_how_runs_ended, migrations.RunPython.noop, elidable=True),
    ]
