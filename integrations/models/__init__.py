"""Rows and queries; no network, no keys."""

from integrations.models.account_closure import AccountClosure
from integrations.models.allowance import Allowance
from integrations.models.answered_request import AnsweredRequest
from integrations.models.attempt import Attempt, StrayResponse
from integrations.models.authorization_request import AuthorizationRequest
from integrations.models.bulk_member import BulkMember
from integrations.models.bulk_revocation import BulkRevocation
from integrations.models.client_registration import ClientRegistration
from integrations.models.connect_link import ConnectLink
from integrations.models.connection import Connection
from integrations.models.event import Event
from integrations.models.notice import Mailbox, Notice
from integrations.models.pending_revocation import PendingRevocation
from integrations.models.preferences import Preferences
from integrations.models.provider_standing import ProviderStanding
from integrations.models.sealing_key import SealingKey
from integrations.models.silenced_client import SilencedClient
from integrations.models.sweep_run import SweepRun
from integrations.models.use import Use
from integrations.models.vault_entry import VaultEntry
from integrations.models.webhook_delivery import WebhookDelivery
from integrations.models.webhook_endpoint import WebhookEndpoint, WebhookKind

__all__ = [
    "AccountClosure",
    "Allowance",
    "AnsweredRequest",
    "Attempt",
    "AuthorizationRequest",
    "BulkMember",
    "BulkRevocation",
    "ClientRegistration",
    "ConnectLink",
    "Connection",
    "Event",
    "Mailbox",
    "Notice",
    "PendingRevocation",
    "Preferences",
    "ProviderStanding",
    "SealingKey",
    "SilencedClient",
    "StrayResponse",
    "SweepRun",
    "Use",
    "VaultEntry",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookKind",
]
