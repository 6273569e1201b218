"""What operators of each kind may do: the one table. Django's groups of these names are made from it by migrations.

A permission that comes later is added here, and brought to the groups by a migration of its own: see
`integrations/migrations/_roles.py`, and docs/roles.md for the whole of it in words.
"""

from collections.abc import Mapping

VIEWER = "Viewer"
OPERATOR = "Operator"
AUDITOR = "Auditor"

_STATES = (
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

#: Permissions by group, as `app_label.codename`.
ROLES: Mapping[str, tuple[str, ...]] = {
    VIEWER: _STATES,
    OPERATOR: (
        *_STATES,
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
    AUDITOR: (
        "integrations.view_allowance",
        "integrations.view_bulkrevocation",
        "integrations.view_clientregistration",
        "integrations.view_event",
        "integrations.view_sweeprun",
        "integrations.export_event",
        "oauth2_provider.view_application",
    ),
}
