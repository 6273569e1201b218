"""Who the token speaks for."""

from ninja import Router, Schema

from integrations.api.caller import CallerRequest, Scoped

router = Router(tags=["me"])


class Me(Schema):
    """The application, and the person it acts for; null: it acts for itself."""

    client_id: str
    sub: str | None
    name: str | None
    scope: str


@router.get("/me", auth=Scoped("profile"), response=Me)
def me(request: CallerRequest) -> Me:
    """Who the token speaks for, and what it is good for."""
    caller = request.auth
    return Me(
        client_id=caller.borrower.client_id,
        sub=None if caller.person is None else str(caller.person.pk),
        name=None if caller.person is None else caller.person.get_username(),
        scope=" ".join(sorted(caller.scope)),
    )
