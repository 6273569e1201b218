"""Indexes by which what is over is found, however much is not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0011_sealing_keys")]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["kind", "-id"], name="event_by_kind"),
        ),
        migrations.AddIndex(
            model_name="use",
            index=models.Index(fields=["day"], name="use_by_day"),
        ),
        migrations.AddIndex(
            model_name="sweeprun",
            index=models.Index(fields=["-started_at"], name="sweep_by_start"),
        ),
    ]
