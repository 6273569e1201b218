"""Operators look at applications, switch them off, and open the hub's own connections to them."""

from django.db import migrations

from integrations.migrations._roles import bring

STATES_BEFORE = (
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
BEFORE = {
    "Viewer": STATES_BEFORE,
    "Operator": (
        *STATES_BEFORE,
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
STATES = (
    "integrations.view_accountclosure",
    "integrations.view_allowance",
    "integrations.view_attempt",
    "integrations.view_bulkrevocation",
    "integrations.view_clientregistration",
    "integrations.view_connection",
    "integrations.view_pendingrevocation",
    "integrations.view_providerstanding",
    "integrations.view_strayresponse",
    "integrations.view_sweeprun",
    "oauth2_provider.view_application",
)

AFTER = {
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
        "integrations.add_allowance",
        "integrations.delete_allowance",
        "applications.add_suspension",
    ),
    "Auditor": (
        "integrations.view_allowance",
        "integrations.view_bulkrevocation",
        "integrations.view_clientregistration",
        "integrations.view_event",
        "integrations.view_sweeprun",
        "integrations.export_event",
        "oauth2_provider.view_application",
    ),
}


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0016_webhooks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [bring(before=BEFORE, after=AFTER)]
