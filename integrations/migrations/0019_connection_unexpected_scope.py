"""What a provider granted unasked has a column."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0018_api")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="unexpected_scope",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="What the provider granted unasked, so that its tokens can do it too; space-separated, "
                "sorted.",
            ),
        ),
    ]
