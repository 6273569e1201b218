import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0002_connection_variables")]

    operations = [
        migrations.CreateModel(
            name="Use",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(blank=True, help_text="Who used it; empty: gave no name.", max_length=150)),
                ("day", models.DateField(help_text="In UTC.")),
                ("count", models.PositiveBigIntegerField(help_text="At least so many times.")),
                ("last_used_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="uses", to="integrations.connection"
                    ),
                ),
            ],
            options={
                "ordering": ("-day", "-last_used_at"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "day", "actor"), name="one_use_per_connection_day_and_actor"
                    )
                ],
            },
        ),
    ]
