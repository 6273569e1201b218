"""Answers on their way into the database: on disk at once, committed in batches in a database thread."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError

from integrations.flows import settle, watched
from integrations.flows.journal import Page, Record
from integrations.flows.rows import Clock
from integrations.flows.sweep_outcome import Outcome, Result
from integrations.flows.sweep_source import Job
from integrations.models import PendingRevocation
from integrations.oauth.errors import OAuthError, Remedy

logger = logging.getLogger(__name__)

type Failure = tuple[Job, OAuthError]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a job brought: a record to store, or a failure."""

    job: Job
    brought: Record | OAuthError


class Entry:
    """Answers that are settled together, and the journal page that holds their records meanwhile."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.page: Page | None = None

    def add(self, answers: Sequence[Answer]) -> None:
        """Take answers; new refresh tokens are on disk when this returns."""
        records = [answer.brought for answer in answers if isinstance(answer.brought, Record)]
        if records:
            self.page = self.page or Page()
            self.page.write(records)
        self.answers += answers


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """What became of an entry's connections, and the late tokens that wait to be revoked."""

    results: Sequence[Result]
    late: Sequence[PendingRevocation] = ()


def post(entry: Entry, *, clock: Clock) -> Posted:
    """Settle an entry: the good answers in one transaction, what only people can mend in another, the rest singly."""
    stored, late = _store(entry, clock=clock)
    failed = [(answer.job, answer.brought) for answer in entry.answers if isinstance(answer.brought, OAuthError)]
    for job, error in failed:
        logger.warning("refresh failed", extra={"connection": str(job.connection.uuid), "code": error.code})
        watched.failed(job.connection.registration.provider, error)
    final, singly = _end([(job, error) for job, error in failed if error.remedy is Remedy.REAUTHORIZE])
    others = [(job, error) for job, error in failed if error.remedy is not Remedy.REAUTHORIZE]
    results = [*stored, *final, *(_fail(job, error, clock=clock) for job, error in [*singly, *others])]
    watched.ended(results)
    return Posted(results=results, late=late)


def _store(entry: Entry, *, clock: Clock) -> tuple[list[Result], Sequence[PendingRevocation]]:
    good = [answer for answer in entry.answers if isinstance(answer.brought, Record)]
    records = [answer.brought for answer in good if isinstance(answer.brought, Record)]
    try:
        settled = settle.commit(records, now=clock(), page=entry.page)
    except DatabaseError:
        logger.exception("refreshed tokens are in the recovery journal", extra={"connections": len(records)})
        return [answer.job.ended(Outcome.IN_JOURNAL) for answer in good], ()
    for registration in {answer.job.connection.registration for answer in good}:
        settle.clear_alarm(registration)
    stored = [answer.job.connection.pk in settled.stored for answer in good]
    outcomes = [Outcome.REFRESHED if took else Outcome.MOVED_ON for took in stored]
    return [answer.job.ended(outcome) for answer, outcome in zip(good, outcomes, strict=True)], settled.late


def _end(failed: Sequence[Failure]) -> tuple[list[Result], Sequence[Failure]]:
    """Settle final failures together; or none of them, and each is to be settled by itself, if one does not fit."""
    if not failed:
        return [], ()
    try:
        ended = settle.end_many(
            [(job.connection, error.code) for job, error in failed], lease_owners=[job.lease_owner for job, _ in failed]
        )
    except DatabaseError:
        logger.exception("failures are settled singly", extra={"connections": len(failed)})
        return [], failed
    outcomes = [Outcome.of(error) if job.connection.pk in ended else Outcome.MOVED_ON for job, error in failed]
    return [job.ended(outcome) for (job, _), outcome in zip(failed, outcomes, strict=True)], ()


def _fail(job: Job, error: OAuthError, *, clock: Clock) -> Result:
    try:
        changed = settle.fail(job.connection, error, lease_owner=job.lease_owner, now=clock())
    except DatabaseError:
        logger.exception("failure could not be written down", extra={"connection": str(job.connection.uuid)})
        return job.ended(Outcome.UNCERTAIN)
    return job.ended(Outcome.of(error) if changed else Outcome.MOVED_ON)
