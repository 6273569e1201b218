"""Do once what is asked for twice: the same request under the same key is answered as it was the first time.

As draft-ietf-httpapi-idempotency-key-header has it. An answer is kept for a day, and holds no token and no link: where
there is one in it, the row that it is of is kept, and the answer made of that again. What failed is not kept: asking
again does it again, and so it is with what is good for nothing any more.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from integrations.flows.lend import Borrower
from integrations.models import AnsweredRequest

KEEP = timedelta(hours=24)
#: Nothing that is asked for takes this long: whoever began it is gone.
ABANDONED = timedelta(minutes=5)


class KeyReused(Exception):
    """Something else was asked for under this key."""


class InProgress(Exception):
    """The same is being done right now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What was answered: `body` is JSON, of the answer or of what it is made of."""

    status: int
    body: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request under a key, `name`; what it asks for, `fingerprint`."""

    name: str
    fingerprint: str
    person_id: int | None


def asked(borrower: Borrower, key: str, content: bytes) -> Asked:
    """Name a request: keys of other applications and other persons are other keys."""
    who = "\0".join((*borrower.identity, key))
    return Asked(
        name=hashlib.sha256(who.encode()).hexdigest(),
        fingerprint=hashlib.sha256(content).hexdigest(),
        person_id=borrower.person_id,
    )


def begin(asked: Asked, *, now: datetime) -> Answer | None:
    """The answer that was given already; None: there is none, and the caller is to do it, then `finish` or `drop`.

    Raises:
        KeyReused, InProgress
    """
    AnsweredRequest.objects.filter(name=asked.name, expires_at__lte=now).delete()
    new = AnsweredRequest(
        name=asked.name,
        person_id=asked.person_id,
        fingerprint=asked.fingerprint,
        begun_at=now,
        expires_at=now + KEEP,
    )
    try:
        with transaction.atomic():
            new.save()
    except IntegrityError:
        return _known(asked, now=now)
    return None


def finish(asked: Asked, answer: Answer) -> None:
    """Keep an answer, to be given again."""
    AnsweredRequest.objects.filter(name=asked.name).update(status=answer.status, body=answer.body)


def renew(asked: Asked, seen: Answer, *, now: datetime) -> None:
    """Have the caller do it anew, then `finish` or `drop`: what came of it before is good for nothing any more.

    Raises:
        InProgress: somebody else does it.
    """
    answered = AnsweredRequest.objects.filter(name=asked.name, status=seen.status, body=seen.body)
    if not answered.update(status=None, body="", begun_at=now, expires_at=now + KEEP):
        raise InProgress


def drop(asked: Asked) -> None:
    """Forget what came to nothing."""
    AnsweredRequest.objects.filter(name=asked.name, status=None).delete()


def _known(asked: Asked, *, now: datetime) -> Answer | None:
    row = AnsweredRequest.objects.filter(name=asked.name).first()
    if row is None:
        # Dropped by whoever had begun it, between our two looks.
        raise InProgress
    if row.fingerprint != asked.fingerprint:
        raise KeyReused
    if row.status is not None:
        return Answer(status=row.status, body=row.body)
    abandoned = row.begun_at + ABANDONED <= now
    if abandoned and AnsweredRequest.objects.take_over(asked.name, seen=row.begun_at, now=now):
        return None
    raise InProgress
