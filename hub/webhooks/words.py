"""What a person reads about webhooks: why something cannot be done, why a message did not arrive."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from integrations.flows.webhook_outbox import TEST_KIND
from integrations.models import WebhookDelivery, WebhookKind

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

NO_ADDRESS = _("The hub calls public https addresses on port 443, written without a user name or a #.")
NO_KEYS = _("The keys of this hub cannot be used at this moment. Try again later.")
REFUSALS: Mapping[str, "StrPromise"] = {
    "url_refused": NO_ADDRESS,
    "host_refused": NO_ADDRESS,
    "port_refused": NO_ADDRESS,
    "address_refused": NO_ADDRESS,
    "no_kinds": _("Choose at least one."),
    "too_many": _("That is as many as there may be."),
    "disabled": _("This webhook is switched off. Switch it on first."),
    "application_off": _("An operator switched this application off."),
    "no_secret": _("The secret of this webhook is lost. Make a new one first."),
    "being_sent": _("This message is being sent at this moment."),
}
NOT_ARRIVED: Mapping[str, "StrPromise"] = {
    "refused": _("The answer was not 2xx."),
    "redirected": _("The answer was a redirect, which the hub does not follow."),
    "gone": _("The answer was that it is gone for good."),
    "timeout": _("No answer within 15 seconds."),
    "connection_failed": _("No connection."),
    "connection_lost": _("The connection was lost before an answer."),
    "tls_failed": _("No trusted TLS connection: is the certificate right?"),
    "url_refused": NO_ADDRESS,
    "host_refused": NO_ADDRESS,
    "port_refused": NO_ADDRESS,
    "address_refused": _("The name leads to no public address."),
    "endpoint_disabled": _("The webhook was switched off."),
    "application_off": _("The application was switched off."),
}
OTHERWISE = _("It could not be sent.")
TEST = _("A test")


def why_not(delivery: WebhookDelivery) -> "StrPromise | str":
    """Why a message did not arrive so far; the empty text where nothing went wrong."""
    return NOT_ARRIVED.get(delivery.last_error_code, OTHERWISE) if delivery.last_error_code else ""


def what(delivery: WebhookDelivery) -> "StrPromise | str":
    """What a message tells of."""
    if delivery.kind == TEST_KIND:
        return TEST
    return WebhookKind(delivery.kind).label if delivery.kind in WebhookKind else delivery.kind
