"""Send the messages that wait. Any number of senders may run at once, and each may be killed.

The database belongs to the thread that called; others only post. One endpoint has a few messages in flight by all
senders together, one while it fails, so that a dead one keeps nobody waiting. Order is not promised.
"""

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from integrations import measures, vault
from integrations.flows import webhook_queue
from integrations.flows.clients import let_go_of_database, webhook_policy
from integrations.flows.rows import NO_KEYS_YET, OPERATORS_FAULT, Clock
from integrations.flows.webhook_queue import SECRET_CODE, Ending
from integrations.models import WebhookDelivery, WebhookEndpoint
from integrations.oauth.errors import OAuthError
from integrations.vault import SealError
from integrations.webhook_post import Answer, Post
from integrations.webhook_signature import WebhookSignature

logger = logging.getLogger(__name__)

IN_FLIGHT_AT_MOST = 32
LOOKS_AGAIN_AFTER_SECONDS = 1.0
WITHOUT_KEYS = timedelta(minutes=5)
#: An operator must act before these open.
NOT_NOW = NO_KEYS_YET | OPERATORS_FAULT


class Sender(Protocol):
    """What posts a message; `webhook_post.Post` is one."""

    def send(self, url: str, *, headers: dict[str, str], body: bytes) -> Answer: ...


@dataclass(kw_only=True)
class Report:
    """Messages by what became of them; `needs_operator`: the keys that their secrets are sealed under are missing."""

    delivered: int = 0
    retry_later: int = 0
    failed: int = 0
    needs_operator: bool = False


def send_webhooks(
    *,
    clock: Clock,
    stop: Callable[[], bool] = lambda: False,
    sender: Sender | None = None,
    concurrency: int = IN_FLIGHT_AT_MOST,
) -> Report:
    """Send what is due until nothing is, or `stop` says so; what is in flight then is finished.

    Raises:
        django.db.DatabaseError: what was sent and could not be written down is sent once more, under the same id.
    """
    report, post = Report(), sender or Post(webhook_policy())
    flying: dict[Future[Ending], WebhookDelivery] = {}
    with ThreadPoolExecutor(concurrency, thread_name_prefix="webhook") as threads:
        while True:
            room = 0 if stop() else concurrency - len(flying)
            for message in webhook_queue.claim(at_most=room, now=clock()):
                request = _signed(message, report, now=clock())
                if request is not None:
                    flying[threads.submit(_sent, request, post)] = message
            if not flying:
                return report
            let_go_of_database()
            done, _ = wait(flying, timeout=LOOKS_AGAIN_AFTER_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                _settle(flying.pop(future), future.result(), report, now=clock())


type Request = Callable[[Sender], Answer]


def _signed(message: WebhookDelivery, report: Report, *, now: datetime) -> Request | None:
    """What is to be posted, signed anew; None where it cannot be signed: not now, or never."""
    try:
        opened = vault.open_webhook_secrets(message.endpoint, now=now)
    except SealError as error:
        extra = {"webhook": str(message.endpoint.uuid), "code": error.code}
        logger.warning("webhook cannot be signed", extra=extra)
        if error.code in NOT_NOW:
            report.needs_operator |= error.code in OPERATORS_FAULT
            webhook_queue.release(message, until=now + WITHOUT_KEYS)
        else:
            webhook_queue.disable(message.endpoint, WebhookEndpoint.Why.SECRET_UNREADABLE, now=now, code=error.code)
            report.failed += 1
            measures.count(measures.WEBHOOKS, SECRET_CODE)
        return None
    body = message.body.encode()
    headers = WebhookSignature.of(*opened).sign(message.message_id, sent_at=now, body=body)
    headers["content-type"] = "application/json"
    return partial(_post, message.endpoint.url, headers, body)


def _post(url: str, headers: dict[str, str], body: bytes, sender: Sender) -> Answer:
    return sender.send(url, headers=headers, body=body)


def _sent(request: Request, sender: Sender) -> Ending:
    """In a thread of its own: no database."""
    try:
        answer = request(sender)
    except OAuthError as error:
        return Ending(code=error.code)
    except Exception:
        # One message that cannot be sent must not keep the others.
        logger.exception("webhook not sent")
        return Ending(code="internal_error")
    return Ending(status=answer.status, retry_after=answer.retry_after)


def _settle(message: WebhookDelivery, ending: Ending, report: Report, *, now: datetime) -> None:
    state = webhook_queue.settle(message, ending, now=now)
    if state is None:
        return
    if not ending.is_delivered:
        extra = {"webhook": str(message.endpoint.uuid), "message_id": message.message_id, "code": ending.error_code}
        logger.info("webhook not delivered", extra={**extra, "status": ending.status})
    match state:
        case WebhookDelivery.State.DELIVERED:
            report.delivered += 1
        case WebhookDelivery.State.FAILED:
            report.failed += 1
        case _:
            report.retry_later += 1
    measures.count(measures.WEBHOOKS, "delivered" if ending.is_delivered else ending.error_code)
