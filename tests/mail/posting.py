"""Send what is due, at a time of the test's choosing."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.mail.outbox import Report, send_notices
from integrations.models import ClientRegistration, Connection, Notice
from tests.factories import make_connection, make_notice, make_registration


def sent(after: timedelta = timedelta()) -> Report:
    """Send as if so much time had passed."""
    return send_notices(clock=lambda: at(after))


def at(after: timedelta) -> datetime:
    return timezone.now() + after


def broken(owner: User | None = None, *, registration: ClientRegistration | None = None, **fields: object) -> Notice:
    """A notice that a connection needs its owner, who withdrew the access."""
    columns = {"last_error_code": "invalid_grant", "sealed": False, **fields}
    row = make_connection(
        owner=owner,
        registration=registration or sandbox(),
        status=Connection.Status.NEEDS_REAUTHORIZATION,
        **columns,  # type: ignore[arg-type]
    )
    return make_notice(connection=row)


def sandbox() -> ClientRegistration:
    return ClientRegistration.objects.filter(slug="sandbox").first() or make_registration(slug="sandbox")


def added(owner: User | None = None, *, ip: str = "203.0.113.9", user_agent: str = "", **fields: object) -> Notice:
    """A notice that a connection was added."""
    row = make_connection(owner=owner, registration=sandbox(), sealed=False, **fields)  # type: ignore[arg-type]
    return make_notice(connection=row, kind=Notice.Kind.CONNECTED, ip=ip or None, user_agent=user_agent)
