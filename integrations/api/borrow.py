"""Borrow: an access token of a connection, valid now."""

from typing import Annotated

from django.http import HttpResponse
from django.utils import timezone
from ninja import Body, Field, Router, Schema

from integrations.api.caller import CallerRequest, Scoped
from integrations.api.connections import Id
from integrations.api.document import OF_PROVIDERS, described
from integrations.flows import lend

router = Router(tags=["connections"])

# RFC 6749 §3.3: printable ASCII without quote and backslash, space-separated.
SCOPE = r"^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$"
# RFC 6749 §A.12.
RefusedToken = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[\x20-\x7E]+$")]
ScopeText = Annotated[str, Field(max_length=4000, pattern=SCOPE)]

EXAMPLE = {"access_token": "ya29.…", "token_type": "bearer", "expires_in": 3599, "scope": "notes:read profile"}


class BorrowIn(Schema):
    """What the token must be good for, space-separated; without it, for whatever it is good for.

    `refused_token` is one that you borrowed, and that the provider answered with 401.
    """

    model_config = {"extra": "forbid"}

    scope: ScopeText | None = None
    refused_token: RefusedToken | None = Field(default=None, repr=False)


class TokenOut(Schema):
    """An access token of the provider; `expires_in` in seconds, null: not known. A refresh token is never lent."""

    access_token: str = Field(repr=False)
    token_type: str
    expires_in: int | None
    scope: str


@router.post(
    "/connections/{uuid}/token",
    auth=Scoped("connections:borrow"),
    response=TokenOut,
    openapi_extra=described(
        "unknown_connection",
        "token_exceeds_consent",
        *OF_PROVIDERS,
        example=EXAMPLE,
        request_example={"scope": "notes:read"},
    ),
)
def borrow_token(
    request: CallerRequest,
    response: HttpResponse,
    uuid: Id,
    payload: Annotated[BorrowIn | None, Body()] = None,
) -> TokenOut:
    """Borrow the access token of a connection. Refreshed first if need be; ask for it again rather than keep it."""
    scope = payload.scope.split() if payload and payload.scope else ()
    refused = (payload.refused_token if payload else None) or ""
    token = lend.token(request.auth.borrower, uuid, scope=scope, refused=refused, seen=request.auth.seen)
    response["Cache-Control"] = "no-store"
    left = None if token.expires_at is None else int((token.expires_at - timezone.now()).total_seconds())
    return TokenOut(
        access_token=token.value,
        token_type=token.token_type,
        expires_in=None if left is None else max(left, 0),
        scope=" ".join(sorted(token.scope)),
    )
