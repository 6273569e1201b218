"""What the owner of an application does with its webhooks. Each change is an event; a secret is told once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from integrations import vault
from integrations.flows import webhook_outbox, webhook_queue
from integrations.flows.clients import webhook_policy
from integrations.flows.events import record
from integrations.flows.rows import require_keys
from integrations.models import Event, SilencedClient, WebhookDelivery, WebhookEndpoint, WebhookKind
from integrations.oauth.errors import AddressRefused

ENDPOINTS_AT_MOST = 10
TESTS_WAITING_AT_MOST = 5
SILENCED_CODE = "application_off"
NEVER_FAILED: Mapping[str, object] = {
    "failing_since": None,
    "last_failed_at": None,
    "failure_count": 0,
    "paused_until": None,
}


class WebhookRefused(Exception):
    """What was asked of a webhook cannot be done; `code` says why: url_refused, no_kinds, too_many, disabled,
    application_off, no_secret, being_sent."""

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
        WebhookRefused: its secret is lost (no_secret); a new one comes first. Or its application is off.
        ConnectionUnusable: the key service does not answer.
    """
    _require_heard(endpoint)
    require_keys()
    try:
        vault.open_webhook_secrets(endpoint, now=now)
    except vault.SealError:
        raise WebhookRefused("no_secret") from None
    off = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=False)
    with transaction.atomic():
        if off.update(disabled_at=None, disabled_why="", **NEVER_FAILED):
            _say("enabled", endpoint, actor=actor, ip=ip)


def remove(endpoint: WebhookEndpoint, *, actor: str, ip: str = "") -> None:
    """Delete an endpoint with its messages, those that wait too."""
    with transaction.atomic():
        _say("removed", endpoint, actor=actor, ip=ip)
        endpoint.delete()


def silence(client_id: str) -> None:
    """Tell an application of the hub nothing any more: what waits has failed, and what happens is not kept for it."""
    with transaction.atomic():
        SilencedClient.objects.get_or_create(client_id=client_id)
        webhook_queue.give_up(_sent_to(client_id), code=SILENCED_CODE)


def let_hear(client_id: str) -> None:
    """Tell an application again, of what happens from now on."""
    with transaction.atomic():
        if SilencedClient.objects.filter(client_id=client_id).delete()[0]:
            # What was being written when it was silenced.
            webhook_queue.give_up(_sent_to(client_id), code=SILENCED_CODE)


def silenced(client_ids: Collection[str]) -> frozenset[str]:
    """Which of these applications of the hub are told nothing."""
    rows = SilencedClient.objects.filter(client_id__in=client_ids)
    return frozenset(rows.values_list("client_id", flat=True))


def remove_application(client_id: str, *, actor: str, ip: str = "") -> None:
    """Delete all endpoints of an application of the hub that is going away."""
    SilencedClient.objects.filter(client_id=client_id).delete()
    for endpoint in WebhookEndpoint.objects.filter(issuer="", client_id=client_id):
        remove(endpoint, actor=actor, ip=ip)


def send_test(endpoint: WebhookEndpoint, *, now: datetime) -> WebhookDelivery:
    """Order a message that says that it is one to try with.

    Raises:
        WebhookRefused: the endpoint or its application is switched off, or some tests wait already (too_many).
    """
    _require_on(endpoint)
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
        WebhookRefused: the endpoint or its application is switched off, or the message is being sent at this moment.
        WebhookDelivery.DoesNotExist: this endpoint has no such message.
    """
    row = WebhookDelivery.objects.get(endpoint=endpoint, message_id=message_id)
    _require_on(endpoint)
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
        webhook_policy().check_url(url)
    except AddressRefused as error:
        raise WebhookRefused(error.code) from None
    return url


def _require_on(endpoint: WebhookEndpoint) -> None:
    _require_heard(endpoint)
    if not endpoint.is_enabled:
        raise WebhookRefused("disabled")


def _require_heard(endpoint: WebhookEndpoint) -> None:
    if not endpoint.issuer and silenced([endpoint.client_id]):
        raise WebhookRefused(SILENCED_CODE)


def _sent_to(client_id: str) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(endpoint__issuer="", endpoint__client_id=client_id)


def _kinds(kinds: Collection[str]) -> list[str]:
    chosen = [kind.value for kind in WebhookKind if kind.value in kinds]
    if not chosen:
        raise WebhookRefused("no_kinds")
    return chosen


def _say(what: str, endpoint: WebhookEndpoint, *, actor: str, ip: str) -> None:
    details = {"what": what, "webhook": str(endpoint.uuid), "client_id": endpoint.client_id}
    record(Event.Kind.WEBHOOK_CHANGED, owner_id=endpoint.owner_id, actor=actor, ip=ip, details=details)
