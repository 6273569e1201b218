"""Applications that are told of nothing while they are off; when an endpoint failed last, so that quiet times do not count."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0020_allowance_subject")]

    operations = [
        migrations.CreateModel(
            name="SilencedClient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client_id", models.CharField(max_length=255, unique=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="last_failed_at",
            field=models.DateTimeField(help_text="The last of these failures; null: as failing_since.", null=True),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="failing_since",
            field=models.DateTimeField(
                help_text="Moved on by times in which nothing was sent. Null: the last attempt went through, or none.",
                null=True,
            ),
        ),
    ]
