"""What operators see and do. Floor 4: each action calls one flow; no page can open a sealed value.

State is read-only, for a row saved from a form would overwrite what a refresh stored meanwhile. Vault entries and
pending authorization requests are not registered at all.
"""

from integrations.admin.attempt import AttemptAdmin, StrayResponseAdmin
from integrations.admin.bulk_revocation import BulkRevocationAdmin
from integrations.admin.client_registration import ClientRegistrationAdmin
from integrations.admin.connection import ConnectionAdmin
from integrations.admin.event import EventAdmin
from integrations.admin.person import PersonAdmin, RoleAdmin
from integrations.admin.records import AccountClosureAdmin, PendingRevocationAdmin, SweepRunAdmin

__all__ = [
    "AccountClosureAdmin",
    "AttemptAdmin",
    "BulkRevocationAdmin",
    "ClientRegistrationAdmin",
    "ConnectionAdmin",
    "EventAdmin",
    "PendingRevocationAdmin",
    "PersonAdmin",
    "RoleAdmin",
    "StrayResponseAdmin",
    "SweepRunAdmin",
]
