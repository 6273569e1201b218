"""What was switched off before its webhooks knew of it is told nothing from now on."""

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def silence(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    silenced = apps.get_model("integrations", "SilencedClient")
    off = apps.get_model("applications", "Suspension").objects.values_list("application__client_id", flat=True)
    silenced.objects.bulk_create([silenced(client_id=client_id) for client_id in off], ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0001_suspensions"),
        ("integrations", "0021_silence_and_failures"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [migrations.RunPython(silence, migrations.RunPython.noop)]
