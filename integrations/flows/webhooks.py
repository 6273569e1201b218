"""What the owner of an application does with its webhooks. Each change is an event; a secret is told once."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from integrations import vault
from integrations.flows import webhook_outbox
from integrations.flows.clients import address_policy
from integrations.flows.events import record
from integrations.flows.rows import require_keys
from integrations.models import Event, WebhookDelivery, WebhookEndpoint, WebhookKind
from integrations.oauth.errors import AddressRefused

ENDPOINTS_AT_MOST = 10
TESTS_WAITING_AT_MOST = 5


class WebhookRefused(Exception):
    """What was asked of a webhook cannot be done; `code` says why: url_refused, no_kinds, too_many, disabled,
    no_secret, being_sent."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class WithSecret:
    """An endpoint and its new secret, to be shown this once."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


def endpoints_of(person_id: int, client_ids: Collection[str]) -> QuerySet[WebhookEndpoint]:
    """A person's endpoints for these applications of theirs at the hub."""
    return WebhookEndpoint.objects.filter(owner_id=person_id, issuer="", client_id__in=client_ids)


def add(
    person_id: int, client_id: str, *, url: str, kinds: Collection[str], now: datetime, actor: str, ip: str = ""
) -> WithSecret:
    """Add an endpoint. Whoever calls has seen that the application is this person's.

    Raises:
        WebhookRefused: the address is none to call, nothing was chosen, or there are too many already.
        ConnectionUnusable: the key service does not answer.
    """
    require_keys()
    url, kinds = require_url(url), _kinds(kinds)
    secret = vault.new_webhook_secret()
    with transaction.atomic():
        if endpoints_of(person_id, [client_id]).count() >= ENDPOINTS_AT_MOST:
            raise WebhookRefused("too_many")
        endpoint = WebhookEndpoint(owner_id=person_id, client_id=client_id, url=url, kinds=kinds)
        vault.replace_webhook_secret(endpoint, secret, now=now)
        endpoint.save()
        _say("added", endpoint, actor=actor, ip=ip)
    return WithSecret(endpoint=endpoint, secret=secret)


def change(endpoint: WebhookEndpoint, *, url: str, kinds: Collection[str], actor: str, ip: str = "") -> None:
    """Change where messages go, and which; what waits goes to the new address.

    Raises:
        WebhookRefused: as `add`.
    """
    url, kinds = require_url(url), _kinds(kinds)
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url, kinds=kinds)
        _say("changed", endpoint, actor=actor, ip=ip)


def rotate(endpoint: WebhookEndpoint, *, now: datetime, actor: str, ip: str = "") -> WithSecret:
    """Give an endpoint a new secret; for a day messages carry a signature of the one before, too.

    Raises:
        ConnectionUnusable: the key service does not answer.
    """
    require_keys()
    secret = vault.new_webhook_secret()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        vault.replace_webhook_secret(row, secret, now=now)
        row.save(update_fields=["sealed_secret", "sealed_previous_secret", "previous_secret_ends_at", "secret_version"])
        _say("secret_replaced", row, actor=actor, ip=ip)
    return WithSecret(endpoint=row, secret=secret)


def enable(endpoint: WebhookEndpoint, *, now: datetime, actor: str, ip: str = "") -> None:
    """Switch an endpoint on again. What failed meanwhile stays so until somebody sends it again.

    Raises:
        WebhookRefused: its secret is lost (no_secret); a new one comes first.
        ConnectionUnusable: the key service does not answer.
    """
    require_keys()
    try:
        vault.open_webhook_secrets(endpoint, now=now)
    except vault.SealError:
        raise WebhookRefused("no_secret") from None
    off = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=False)
    with transaction.atomic():
        if off.update(disabled_at=None, disabled_why="", failing_since=None, failure_count=0, paused_until=None):
            _say("enabled", endpoint, actor=actor, ip=ip)


def remove(endpoint: WebhookEndpoint, *, actor: str, ip: str = "") -> None:
    """Delete an endpoint with its messages, those that wait too."""
    with transaction.atomic():
        _say("removed", endpoint, actor=actor, ip=ip)
        endpoint.delete()


def remove_application(client_id: str, *, actor: str, ip: str = "") -> None:
    """Delete all endpoints of an application of the hub that is going away."""
    for endpoint in WebhookEndpoint.objects.filter(issuer="", client_id=client_id):
        remove(endpoint, actor=actor, ip=ip)


def send_test(endpoint: WebhookEndpoint, *, now: datetime) -> WebhookDelivery:
    """Order a message that says that it is one to try with.

    Raises:
        WebhookRefused: the endpoint is switched off, or some tests wait already (too_many).
    """
    if not endpoint.is_enabled:
        raise WebhookRefused("disabled")
    waiting = endpoint.deliveries.filter(kind=webhook_outbox.TEST_KIND, state=WebhookDelivery.State.WAITING)
    if waiting.count() >= TESTS_WAITING_AT_MOST:
        raise WebhookRefused("too_many")
    data = {"application": endpoint.client_id}
    row = webhook_outbox.message(endpoint, kind=webhook_outbox.TEST_KIND, data=data, at=now)
    row.save()
    return row


def redeliver(endpoint: WebhookEndpoint, message_id: str, *, now: datetime) -> WebhookDelivery:
    """Order a message to be sent once more, now, under the id it has.

    Raises:
        WebhookRefused: the endpoint is switched off, or the message is being sent at this moment.
        WebhookDelivery.DoesNotExist: this endpoint has no such message.
    """
    row = WebhookDelivery.objects.get(endpoint=endpoint, message_id=message_id)
    if not endpoint.is_enabled:
        raise WebhookRefused("disabled")
    not_held = WebhookDelivery.objects.filter(pk=row.pk).exclude(lease_until__gt=now)
    if not not_held.update(
        state=WebhookDelivery.State.WAITING, attempts=0, next_attempt_at=now, lease_owner="", lease_until=None
    ):
        raise WebhookRefused("being_sent")
    return row


def find(person_id: int, client_ids: Collection[str], uuid: UUID) -> WebhookEndpoint | None:
    """One endpoint of a person, for one of these applications."""
    return endpoints_of(person_id, client_ids).filter(uuid=uuid).first()


def require_url(url: str) -> str:
    """An address that messages may go to, as far as its text tells; it is judged again at each connection.

    Raises:
        WebhookRefused
    """
    try:
        address_policy().check_url(url)
    except AddressRefused as error:
        raise WebhookRefused(error.code) from None
    return url


def _kinds(kinds: Collection[str]) -> list[str]:
    chosen = [kind.value for kind in WebhookKind if kind.value in kinds]
    if not chosen:
        raise WebhookRefused("no_kinds")
    return chosen


def _say(what: str, endpoint: WebhookEndpoint, *, actor: str, ip: str) -> None:
    details = {"what": what, "webhook": str(endpoint.uuid), "client_id": endpoint.client_id}
    record(Event.Kind.WEBHOOK_CHANGED, owner_id=endpoint.owner_id, actor=actor, ip=ip, details=details)
