"""What people are told by mail: written down with the event, handed to who sends it, struck off when it is sent.

tell_…      in the transaction of the change: the notice exists if, and only if, the change does
claim       takes the mailboxes of people whose notices are due: one sender at a time writes to a person
still_held  just before a letter leaves; a sender that was frozen past its lease does not send it twice
sent        or `postpone`, or neither, when the sender dies: then the lease runs out and the same letter leaves again
"""

import hashlib
import logging
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Min, Q

from integrations.flows import hold
from integrations.flows.schedule import backoff
from integrations.models import Connection, Mailbox, Notice, Preferences, WebhookEndpoint
from integrations.models.connection import ENDED
from integrations.models.person import people

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
QUIET = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
#: Mail waits longer than a refresh between attempts: from a minute to an hour.
SLOWER_BY = 4
USER_AGENT_LIMIT = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One mail to one person: all that needs them, one connection that was added, or one webhook switched off.

    `language` is the empty text where they chose none. `key` is the same whenever the same notices are sent again.
    """

    kind: Notice.Kind
    user_id: int
    name: str
    address: str
    language: str
    notices: tuple[Notice, ...]
    lease_owner: str

    @property
    def connections(self) -> tuple[Connection, ...]:
        """What it is about, with registration loaded, each once."""
        about = {notice.connection_id: notice.connection for notice in self.notices}
        return tuple(connection for connection in about.values() if connection is not None)

    @property
    def key(self) -> str:
        about = [f"{notice.pk}:{notice.created_at.timestamp()}" for notice in self.notices]
        return hashlib.sha256(f"{self.kind} {' '.join(about)}".encode()).hexdigest()[:32]


def tell_needs_you(connection_ids: Collection[int]) -> None:
    """Owners are to read that these connections need them. Call it in the transaction that ends their use."""
    rows = Connection.objects.filter(pk__in=connection_ids).exclude(owner__preferences__mail_needs_you=False)
    _tell(rows, Notice.Kind.NEEDS_YOU)


def tell_connected(connection: Connection, *, ip: str, user_agent: str) -> None:
    """The owner is to read that a connection was added. Call it in the transaction that adds it."""
    rows = Connection.objects.filter(pk=connection.pk).exclude(owner__preferences__mail_connected=False)
    _tell(rows, Notice.Kind.CONNECTED, ip=ip or None, user_agent=user_agent[:USER_AGENT_LIMIT])


def tell_webhook_disabled(endpoint: WebhookEndpoint) -> None:
    """The owner is to read that a webhook was switched off. Call it in the transaction that does so."""
    owner = people().filter(pk=endpoint.owner_id, is_active=True).exclude(email="")
    if settings.EMAIL_URL and owner.exists():
        Notice.objects.create(user_id=endpoint.owner_id, webhook_endpoint=endpoint, kind=Notice.Kind.WEBHOOK_DISABLED)


def _tell(rows: models.QuerySet[Connection], kind: Notice.Kind, *, ip: str | None = None, user_agent: str = "") -> None:
    if not settings.EMAIL_URL:
        return
    reached = rows.filter(owner__is_active=True).exclude(owner__email="").order_by("pk")
    Notice.objects.bulk_create(
        Notice(user_id=owner_id, connection_id=pk, kind=kind, ip=ip, user_agent=user_agent)
        for pk, owner_id in reached.values_list("pk", "owner_id")
        if owner_id is not None
    )


def expire(*, now: datetime) -> int:
    """Give up what could not be sent for days; how many notices."""
    if hold.is_on():
        return 0
    count, _ = Notice.objects.filter(created_at__lte=now - GIVE_UP_AFTER).delete()
    if count:
        logger.warning("notices given up", extra={"count": count})
    return count


def claim(*, people: int, now: datetime) -> list[Letter] | None:
    """Take the mailboxes of up to so many people, those who wait longest first, and make letters of what is due.

    What is not true any more by now, or not wanted, is dropped; so there may be no letters though more is due. None:
    nothing is due that nobody else sends.
    """
    if hold.is_on():
        return None
    lease_owner = secrets.token_hex(16)
    with transaction.atomic():
        due = Notice.objects.due(now=now).order_by().values("user_id").annotate(since=Min("next_attempt_at"))
        ids = [row["user_id"] for row in due.order_by("since", "user_id")[:people]]
        # In one order, and past what is locked: senders neither wait for each other nor end in a deadlock.
        Mailbox.objects.bulk_create((Mailbox(user_id=pk) for pk in sorted(ids)), ignore_conflicts=True)
        unlocked = Mailbox.objects.filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)
        mine = Mailbox.objects.filter(pk__in=list(unlocked.values_list("pk", flat=True)))
        if not mine.claim(lease_owner=lease_owner, lease_until=now + LEASE, now=now):
            return None
        found = _claimed(lease_owner, now=now)
        true = [notice for notice in found if _is_true(notice)]
        Notice.objects.filter(pk__in={notice.pk for notice in found} - {notice.pk for notice in true}).delete()
        letters = _letters(true, lease_owner=lease_owner)
        unused = Mailbox.objects.filter(lease_owner=lease_owner).exclude(pk__in={letter.user_id for letter in letters})
        unused.release()
    return letters


def still_held(letter: Letter, *, now: datetime) -> bool:
    """Whether this sender may still write to the person; its lease runs anew."""
    held = Mailbox.objects.filter(pk=letter.user_id, lease_owner=letter.lease_owner, lease_until__gt=now)
    return held.update(lease_until=now + LEASE) > 0


def sent(letter: Letter, *, now: datetime) -> None:
    """Strike off what a letter told. What needs the same person next is gathered for an hour."""
    with transaction.atomic():
        Notice.objects.filter(pk__in=[notice.pk for notice in letter.notices]).delete()
        if letter.kind is Notice.Kind.NEEDS_YOU:
            Mailbox.objects.filter(pk=letter.user_id).update(quiet_until=now + QUIET)


def postpone(letter: Letter, *, now: datetime) -> None:
    """Let a letter that did not leave wait, longer each time."""
    attempts = max(notice.attempts for notice in letter.notices) + SLOWER_BY
    wait = backoff(attempts, retry_after=None, seed=letter.key)
    same = Notice.objects.filter(pk__in=[notice.pk for notice in letter.notices])
    same.update(attempts=F("attempts") + 1, next_attempt_at=now + wait)


def release(letters: Iterable[Letter]) -> None:
    """Let others write to these people again."""
    for lease_owner in {letter.lease_owner for letter in letters}:
        Mailbox.objects.filter(lease_owner=lease_owner).release()


def _claimed(lease_owner: str, *, now: datetime) -> list[Notice]:
    mine = Notice.objects.filter(user__mailbox__lease_owner=lease_owner, next_attempt_at__lte=now)
    mine = mine.filter(
        ~Q(kind=Notice.Kind.NEEDS_YOU)
        | Q(connection__registration__enabled=True)
        & (Q(user__mailbox__quiet_until__isnull=True) | Q(user__mailbox__quiet_until__lte=now))
    )
    rows = mine.select_related("user__preferences", "connection__registration", "webhook_endpoint").order_by("pk")
    return list(rows.fetch_mode(models.FETCH_RAISE))


def _is_true(notice: Notice) -> bool:
    if not (notice.user.is_active and notice.user.email):
        return False
    if notice.webhook_endpoint is not None:
        return not notice.webhook_endpoint.is_enabled
    if notice.connection is None or notice.connection.owner_id != notice.user_id:
        return False
    wanted = _preferences(notice)
    if notice.kind == Notice.Kind.NEEDS_YOU:
        return wanted.mail_needs_you and notice.connection.status == Connection.Status.NEEDS_REAUTHORIZATION
    return wanted.mail_connected and notice.connection.status not in ENDED


def _preferences(notice: Notice) -> Preferences:
    return getattr(notice.user, "preferences", None) or Preferences(user_id=notice.user_id)


def _letters(notices: Sequence[Notice], *, lease_owner: str) -> list[Letter]:
    """One letter a person for all that needs them, each connection once; one for each connection that was added."""
    by_letter: defaultdict[tuple[int, str, int], list[Notice]] = defaultdict(list)
    for notice in notices:
        apart = 0 if notice.kind == Notice.Kind.NEEDS_YOU else notice.pk
        by_letter[notice.user_id, notice.kind, apart].append(notice)
    return [
        Letter(
            kind=Notice.Kind(kind),
            user_id=user_id,
            name=told[0].user.get_username(),
            address=told[0].user.email,
            language=_preferences(told[0]).language,
            notices=tuple(told),
            lease_owner=lease_owner,
        )
        for (user_id, kind, _), told in by_letter.items()
    ]
