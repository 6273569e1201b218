"""Three groups of operators. What they may do later, later migrations bring."""

from django.db import migrations

from integrations.migrations._roles import bring

STATES = (
    "integrations.view_accountclosure",
    "integrations.view_attempt",
    "integrations.view_bulkrevocation",
    "integrations.view_clientregistration",
    "integrations.view_connection",
    "integrations.view_pendingrevocation",
    "integrations.view_providerstanding",
    "integrations.view_strayresponse",
    "integrations.view_sweeprun",
)
ROLES = {
    "Viewer": STATES,
    "Operator": (
        *STATES,
        "integrations.view_event",
        "integrations.change_connection",
        "integrations.add_clientregistration",
        "integrations.change_clientregistration",
        "integrations.check_clientregistration",
        "integrations.add_bulkrevocation",
        "integrations.change_bulkrevocation",
    ),
    "Auditor": (
        "integrations.view_bulkrevocation",
        "integrations.view_clientregistration",
        "integrations.view_event",
        "integrations.view_sweeprun",
        "integrations.export_event",
    ),
}


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0006_attempts"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [bring(before={}, after=ROLES)]
