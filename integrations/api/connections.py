"""The connections that are lent to an application."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from ninja import Path, Query, Router, Schema

from integrations.api.caller import CallerRequest, Scoped, require_person
from integrations.api.document import IDEMPOTENCY_KEY, OF_KEYS, described
from integrations.api.idempotency import once
from integrations.api.paging import After, Limit, Next, cursor, cut, link_next, position
from integrations.flows import disconnect, lend
from integrations.flows.lend import Loan
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS

router = Router(tags=["connections"])

LIST = "connections"
Id = Annotated[UUID, Path(description="`id` of a connection.")]
ProviderName = Annotated[
    str, Query(max_length=64, description="Only of this provider: its slug here, or its key in the catalogue.")
]
Status = Literal["active", "needs_reauthorization"]

EXAMPLE = {
    "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "provider": "sandbox",
    "provider_slug": "sandbox",
    "title": "Sandbox: ada",
    "account_label": "ada",
    "status": "active",
    "usable": True,
    "features": ["notes.read", "profile"],
    "allowed_features": ["notes.read", "profile"],
    "scope": "notes:read profile",
    "allowed_scope": "notes:read profile",
    "created_at": "2026-05-04T10:00:00Z",
    "expires_at": "2026-05-04T11:00:00Z",
    "last_refreshed_at": None,
}


class ConnectionOut(Schema):
    """A connection, as far as it concerns whoever borrows it.

    `features` are switched on, `allowed_features` those of them that you may use; `scope` was granted by the provider.
    `usable`: a token can be had, unless the provider fails. `expires_at` is the access token's; null: not known.
    """

    id: UUID
    provider: str
    provider_slug: str
    title: str
    account_label: str
    status: Status
    usable: bool
    features: list[str]
    allowed_features: list[str]
    scope: str
    allowed_scope: str
    created_at: datetime
    expires_at: datetime | None
    last_refreshed_at: datetime | None


class ConnectionList(Schema):
    """A page of connections."""

    data: list[ConnectionOut]
    next: Next


class DisconnectedOut(Schema):
    """`at_provider`: revoked; pending, the hub keeps trying; unsupported, the provider has no way; untold, the hub
    cannot read what it would have to say.
    """

    id: UUID
    at_provider: Literal["revoked", "pending", "unsupported", "untold"]


@router.get(
    "/connections",
    auth=Scoped("connections:read"),
    response=ConnectionList,
    openapi_extra=described(example={"data": [EXAMPLE], "next": None}),
)
def list_connections(
    request: CallerRequest,
    response: HttpResponse,
    provider: ProviderName = "",
    status: Status | None = None,
    after: After = "",
    limit: Limit = 50,
) -> ConnectionList:
    """The connections that are shared with you, oldest first."""
    borrower = request.auth.borrower
    rows = lend.lent(borrower).filter(pk__gt=position(after, of=LIST)).order_by("pk")
    if provider:
        rows = rows.filter(Q(registration__provider=provider) | Q(registration__slug=provider))
    if status:
        rows = rows.filter(status=status)
    page, more = cut(list(rows[: limit + 1]), limit)
    following = cursor(page[-1].pk, of=LIST) if more else None
    if following:
        link_next(request, response, following)
    return ConnectionList(data=[told(loan) for loan in lend.loans(borrower, page)], next=following)


@router.get(
    "/connections/{uuid}",
    auth=Scoped("connections:read"),
    response=ConnectionOut,
    openapi_extra=described("unknown_connection", example=EXAMPLE),
)
def get_connection(request: CallerRequest, uuid: Id) -> ConnectionOut:
    """One connection that is shared with you."""
    return told(lend.find(request.auth.borrower, uuid, seen=request.auth.seen))


@router.delete(
    "/connections/{uuid}",
    auth=Scoped("connections:disconnect"),
    response=DisconnectedOut,
    openapi_extra=described(
        "unknown_connection",
        "person_required",
        *OF_KEYS,
        example={"id": EXAMPLE["id"], "at_provider": "revoked"},
        parameters=[IDEMPOTENCY_KEY],
    ),
)
@once
def delete_connection(request: CallerRequest, uuid: Id) -> DisconnectedOut:
    """End a person's connection: its tokens are wiped here at once, and revoked at the provider."""
    require_person(request.auth)
    borrower = request.auth.borrower
    loan = lend.find(borrower, uuid)
    done = disconnect.disconnect(loan.connection, actor=borrower.actor, now=timezone.now())
    return DisconnectedOut(id=uuid, at_provider=done.remote)


def told(loan: Loan) -> ConnectionOut:
    """What a borrower is told of a loan; the owner's own name for it is theirs."""
    row = loan.connection
    provider = PROVIDERS.get(row.registration.provider)
    on = [feature.slug for feature in provider.features_of(row.scope)[0]] if provider else []
    account = printable(row.account_label or row.subject)
    return ConnectionOut(
        id=row.uuid,
        provider=row.registration.provider,
        provider_slug=row.registration.slug,
        title=f"{provider.name if provider else row.registration.provider}: {account}",
        account_label=account,
        status="active" if row.status == row.Status.ACTIVE else "needs_reauthorization",
        usable=row.is_usable and provider is not None,
        features=sorted(on),
        allowed_features=sorted(loan.features.intersection(on)),
        scope=" ".join(sorted(row.scope)),
        allowed_scope=" ".join(sorted(row.scope & loan.allowed_scope)),
        created_at=row.created_at,
        expires_at=row.access_expires_at,
        last_refreshed_at=row.last_refreshed_at,
    )
