"""Which instance of a provider a person connects at, where one registration is good for many."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("integrations", "0001_first_rows")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="authorizationrequest",
            name="variables",
            field=models.JSONField(
                default=dict,
                help_text="What the person chose of the provider's variables; the answer is taken to that instance.",
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="variables",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Which instance of the provider it is at, in addition to the registration's variables; never changed "
                "but by connecting anew.",
            ),
        ),
    ]
