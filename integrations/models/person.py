"""The rows about a person that other applications keep, reached by their table's name.

Floors below the edges import nothing of django.contrib; what must go when a person goes is there all the same.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet


def people() -> QuerySet[Any]:
    """Everyone who can sign in."""
    return _rows(settings.AUTH_USER_MODEL)


def end_sessions(user_id: int) -> None:
    """Sign a person out of every browser. Those of somebody inactive are void already; this takes their rows away."""
    theirs = _rows("usersessions.UserSession").filter(user_id=user_id)
    keys: Sequence[str] = list(theirs.values_list("session_key", flat=True))
    sessions().filter(session_key__in=keys).delete()
    theirs.delete()


def sessions() -> QuerySet[Any]:
    """Everybody's browser sessions, with when each runs out."""
    return _rows("sessions.Session")


def end_authorizations(user_id: int) -> None:
    """Take away what the hub's own authorization server issued in a person's name, and the applications they made.

    With an application goes what anybody gave it: it has no owner any more.
    """
    for table in ("Application", "Grant", "RefreshToken", "AccessToken", "IDToken"):
        _rows(f"oauth2_provider.{table}").filter(user_id=user_id).delete()


def applications_made_by(user_id: int) -> Sequence[tuple[str, str]]:
    """`client_id` and name of the applications that a person registered at the hub."""
    theirs = _rows("oauth2_provider.Application").filter(user_id=user_id)
    return list(theirs.order_by("pk").values_list("client_id", "name"))


def application_names(client_ids: Collection[str]) -> dict[str, str]:
    """The names of applications by `client_id`, of those that the hub still knows."""
    known = _rows("oauth2_provider.Application").filter(client_id__in=client_ids)
    return dict(known.values_list("client_id", "name"))


def erase_from_history(user_id: int) -> None:
    """Take away what admin's history says about a person; it names them."""
    about = _rows("admin.LogEntry").filter(content_type__app_label="auth", content_type__model="user")
    about.filter(object_id=str(user_id)).delete()


def _rows(table: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model(table)._default_manager.all()
    return rows
