"""Lend a connection to another program: only what somebody allowed it, and nothing that goes further.

A provider's access token cannot be narrowed by us: it carries whatever the connection was granted. So a token goes to
an application only while all of that is allowed to it. What a connection is granted later is not allowed by itself.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.flows.borrow import AccessToken, heed, require_scope, token_of
from integrations.flows.clients import provider_of
from integrations.flows.errors import NotLent, ScopeMissing
from integrations.flows.named import as_actor
from integrations.flows.rows import Clock, require_usable
from integrations.models import Allowance, Connection
from integrations.models.prepared import PreparedRead

#: For how long a decision is good that nobody waited after.
MOMENT_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Borrower:
    """The application that asks, and the person it acts for; without one it acts for itself.

    `subject` is whom another issuer's token names that is neither the application nor anybody here; empty: nobody.
    `consent_path` is the page where that person changes what the application may use; empty without a person.
    """

    issuer: str
    client_id: str
    client_name: str
    person_id: int | None
    subject: str = ""
    consent_path: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Who calls, for whom: what is counted or kept of one caller is not another's."""
        return self.issuer, self.client_id, self.subject, str(self.person_id)

    @property
    def actor(self) -> str:
        """How the activity names it."""
        return as_actor(self.client_name, self.client_id, issuer=self.issuer, subject=self.subject)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A rule that was read along with the borrower's token; `read_at` by the monotonic clock.

    It is good for a moment: who asks may let the hub wait for the rest of their request, and meanwhile everything can
    be taken back.
    """

    rule: Allowance = field(repr=False)
    read_at: float = field(default_factory=time.monotonic)

    def connection(self, uuid: UUID) -> Connection | None:
        """The connection of this uuid, if the rule may be taken for what opens it now."""
        connection = self.rule.connection
        if connection is None or connection.uuid != uuid or not is_a_moment_ago(self.read_at):
            return None
        return connection


def is_a_moment_ago(read_at: float) -> bool:
    """Whether what was read then, by the monotonic clock, may be taken for true now."""
    return time.monotonic() < read_at + MOMENT_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Loan:
    """A connection that is lent, with all that a decision about it needs, and the scope that was allowed of it."""

    connection: Connection
    allowed_scope: frozenset[str]
    features: frozenset[str]
    consent_path: str

    @property
    def excess(self) -> frozenset[str]:
        """What the connection was granted beyond what was allowed; also what it was granted unasked."""
        provider = provider_of(self.connection.registration)
        granted = self.connection.scope | self.connection.unexpected
        return granted - provider.covered_by(self.allowed_scope)


def lent(borrower: Borrower) -> QuerySet[Connection]:
    """The connections that a borrower may know of, with registration and owner; those that were ended are left out."""
    rules = _rules(borrower)
    rows = Connection.objects.visible().select_related("registration", "owner").fetch_mode(models.FETCH_RAISE)
    if borrower.person_id is None:
        operators = rules.filter(person__isnull=True)
        one_by_one = Q(pk__in=operators.filter(connection__isnull=False).values("connection_id"))
        opened = Q(registration_id__in=operators.filter(connection__isnull=True).values("registration_id"))
        return rows.filter(one_by_one | opened, owner__isnull=True)
    own = rules.filter(person_id=borrower.person_id, connection__isnull=False)
    return rows.filter(pk__in=own.values("connection_id"), owner_id=borrower.person_id)


def find(borrower: Borrower, uuid: UUID, *, seen: Seen | None = None) -> Loan:
    """One connection that is lent; in one query for a person's, in two for the hub's own; in none if it was `seen`.

    Raises:
        NotLent: there is none, it is another's, it was ended or nobody allowed it; which of these is not told.
    """
    loan: Loan | None
    if seen is not None and (connection := seen.connection(uuid)) is not None:
        loan = _loan(borrower, connection, [seen.rule])
    elif borrower.person_id is None:
        loan = _of_the_hub(borrower, uuid)
    else:
        loan = _of_person(borrower, uuid)
    if loan is None or loan.connection.status in (Connection.Status.REVOKING, Connection.Status.REVOKED):
        raise NotLent("There is no such connection, or it is not shared with this application.")
    return loan


def loans(borrower: Borrower, connections: Sequence[Connection]) -> list[Loan]:
    """Each of some connections that are `lent`, with what was allowed of it; in one query for all."""
    mine = Q(connection__in=connections, person_id=borrower.person_id)
    if borrower.person_id is None:
        mine |= Q(connection=None, registration__in={row.registration_id for row in connections}, person=None)
    rules = list(_rules(borrower).filter(mine))
    return [
        _loan(
            borrower,
            row,
            [
                rule
                for rule in rules
                if rule.connection_id in (row.pk, None) and rule.registration_id == row.registration_id
            ],
        )
        for row in connections
    ]


def token(
    borrower: Borrower,
    uuid: UUID,
    *,
    scope: Collection[str] = (),
    refused: str = "",
    seen: Seen | None = None,
    clock: Clock = timezone.now,
) -> AccessToken:
    """Lend the access token of a connection, valid now and good for `scope`.

    `refused` is one that the borrower had, and that the provider refused: if it is the one there is, it is renewed.
    `seen`: as for `find`.

    Raises:
        NotLent: as `find`.
        ScopeMissing: the connection lacks scope, or it is not allowed, or the token could do more than was allowed
            (code `token_exceeds_consent`); carries the page where its owner can change that.
        ConnectionUnusable, OAuthError: as `access.token`.
    """
    loan = find(borrower, uuid, seen=seen)
    require_usable(loan.connection)
    _require_within(loan, scope)
    row = loan.connection
    if refused:
        row = heed(row, refused=refused, clock=clock, actor=borrower.actor)
    lent = token_of(row, scope=scope, clock=clock, actor=borrower.actor)
    if lent.version != loan.connection.version:
        # It was renewed, which takes time: what was decided is decided anew, of what it is good for now.
        _require_within(find(borrower, uuid), scope)
    return lent


def _require_within(loan: Loan, scope: Collection[str]) -> None:
    require_allowed(loan, scope)
    if loan.excess:
        raise ScopeMissing(
            "A token of this connection can do more than this application is allowed: call through the hub instead, or "
            "have all of it allowed.",
            code="token_exceeds_consent",
            scope=loan.excess,
            consent_path=_pointing(loan, loan.excess),
        )


def require_allowed(loan: Loan, scope: Collection[str]) -> None:
    """Stop unless the connection was granted all of `scope`, and its owner allowed it to the borrower.

    Raises:
        ScopeMissing
    """
    require_scope(loan.connection, scope)
    missing = frozenset(scope) - provider_of(loan.connection.registration).covered_by(loan.allowed_scope)
    if missing:
        raise ScopeMissing(
            f"This application is not allowed {' '.join(sorted(missing))} of this connection.",
            scope=missing,
            consent_path=_pointing(loan, missing),
        )


def _pointing(loan: Loan, scope: Collection[str]) -> str:
    """The page where its owner can change that, pointing at what is missing; empty where there is none."""
    query = urlencode({"connection": loan.connection.uuid, "scope": " ".join(sorted(scope))})
    return f"{loan.consent_path}?{query}" if loan.consent_path else ""


def _rules(borrower: Borrower) -> QuerySet[Allowance]:
    return Allowance.objects.filter(issuer=borrower.issuer, client_id=borrower.client_id, subject=borrower.subject)


#: What no decision about a loan is made by, nor any call: reading it would cost every one of them.
_OF_NO_USE = (
    *("uuid", "created_at"),
    *(f"connection__owner__{name}" for name in ("password", "email", "first_name", "last_name", "is_staff")),
    *(f"connection__owner__{name}" for name in ("is_superuser", "last_login", "date_joined")),
    *(f"connection__registration__{name}" for name in ("metadata_fetched_at", "last_error_code", "last_error_at")),
    "connection__registration__created_at",
)


def _with_connection() -> QuerySet[Allowance]:
    whole = ("connection__registration", "connection__owner", "connection__vault_entry")
    return Allowance.objects.select_related(*whole).defer(*_OF_NO_USE).fetch_mode(models.FETCH_RAISE)


def _rule_of_person(*, issuer: str, client_id: str, person_id: int, uuid: UUID) -> QuerySet[Allowance]:
    return _with_connection().filter(
        issuer=issuer,
        client_id=client_id,
        person_id=person_id,
        connection__uuid=uuid,
        connection__owner_id=person_id,
    )


def _rules_of_people(*, uuid: UUID) -> QuerySet[Allowance]:
    return _with_connection().filter(issuer="", connection__uuid=uuid)


_UUID = (Connection._meta.get_field("uuid"), UUID(int=2))
_RULE_OF_PERSON = PreparedRead(
    Allowance,
    _rule_of_person,
    issuer=(Allowance._meta.get_field("issuer"), "an issuer"),
    client_id=(Allowance._meta.get_field("client_id"), "a client"),
    person_id=(Connection._meta.get_field("owner"), 1),
    uuid=_UUID,
)
#: What opens a connection to applications of the hub. One of them is good for whoever has its `client_id` and acts for
#: its `person`, who is the connection's `owner`: to be read along with what says so.
RULES_OF_PEOPLE = PreparedRead(Allowance, _rules_of_people, uuid=_UUID)


def _of_person(borrower: Borrower, uuid: UUID) -> Loan | None:
    rule = _RULE_OF_PERSON.first(
        issuer=borrower.issuer, client_id=borrower.client_id, person_id=borrower.person_id, uuid=uuid
    )
    if rule is None or rule.connection is None:
        return None
    return _loan(borrower, rule.connection, [rule])


def _of_the_hub(borrower: Borrower, uuid: UUID) -> Loan | None:
    rows = Connection.objects.select_related("registration", "owner", "vault_entry").fetch_mode(models.FETCH_RAISE)
    row = rows.filter(uuid=uuid, owner__isnull=True).first()
    if row is None:
        return None
    rules = _rules(borrower).filter(
        Q(connection__isnull=True) | Q(connection=row), person__isnull=True, registration=row.registration
    )
    found = list(rules)
    return _loan(borrower, row, found) if found else None


def _loan(borrower: Borrower, connection: Connection, rules: Collection[Allowance]) -> Loan:
    return Loan(
        connection=connection,
        allowed_scope=frozenset().union(*(rule.allowed_scope for rule in rules)),
        features=frozenset(slug for rule in rules for slug in rule.features),
        consent_path=borrower.consent_path,
    )
