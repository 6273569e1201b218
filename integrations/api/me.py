"""Who the token speaks for."""

from ninja import Router, Schema

from integrations.api.caller import CallerRequest, Scoped
from integrations.api.document import described

router = Router(tags=["me"])

EXAMPLE = {"client_id": "vVBcP…", "sub": "17", "name": "ada", "scope": "connections:borrow connections:read profile"}


class Me(Schema):
    """The application, and the person it acts for; null: it acts for itself."""

    client_id: str
    sub: str | None
    name: str | None
    scope: str


@router.get("/me", auth=Scoped("profile"), response=Me, openapi_extra=described(example=EXAMPLE))
def me(request: CallerRequest) -> Me:
    """Who the token speaks for, and what it is good for."""
    caller = request.auth
    return Me(
        client_id=caller.borrower.client_id,
        sub=None if caller.person is None else str(caller.person.pk),
        name=None if caller.person is None else caller.person.get_username(),
        scope=" ".join(sorted(caller.scope)),
    )
