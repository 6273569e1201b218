"""An operator's rule can name whom another issuer's tokens must be for."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0019_connection_unexpected_scope"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="allowance",
            name="subject",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Whom the issuer's tokens must name for it (their `sub`); empty: the application itself.",
                max_length=255,
            ),
        ),
        migrations.RemoveConstraint(model_name="allowance", name="one_allowance_per_application_and_connection"),
        migrations.RemoveConstraint(model_name="allowance", name="one_allowance_per_application_and_registration"),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.UniqueConstraint(
                condition=models.Q(("connection__isnull", False)),
                fields=("issuer", "client_id", "subject", "connection"),
                name="one_allowance_per_application_and_connection",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.UniqueConstraint(
                condition=models.Q(("connection__isnull", True)),
                fields=("issuer", "client_id", "subject", "registration"),
                name="one_allowance_per_application_and_registration",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("subject", ""),
                    models.Q(
                        models.Q(("issuer", ""), _negated=True),
                        ("person__isnull", True),
                        models.Q(("subject", models.F("client_id")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="an_operator_names_another_subject_of_another_issuer",
            ),
        ),
    ]
