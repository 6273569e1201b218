"""Indexes by which what is over is found, however much is not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0011_sealing_keys")]

    operations = [
        migrations.AddIndex(
            model_name="use",
            index=models.Index(fields=["day"], name="use_by_day"),
        ),
    ]
