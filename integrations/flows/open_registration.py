"""An operator opens connections of the hub's own to an application that acts for itself, and closes them again."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet

from integrations.flows.clients import provider_of
from integrations.flows.events import record, record_many
from integrations.models import Allowance, ClientRegistration, Connection, Event
from integrations.models.connection import scope_text


def open_registration(
    registration: ClientRegistration,
    client_id: str,
    *,
    issuer: str = "",
    subject: str = "",
    features: Collection[str],
    scope: Collection[str] = (),
    connection: Connection | None = None,
    client_name: str,
    actor: str,
) -> Allowance:
    """Open one connection of the hub's own, or all there, now and later, as far as features and `scope` go.

    `issuer` is who knows the application, empty: the hub; `subject` whom its tokens must name, empty: itself.
    What is open already is left as it is.

    Raises:
        UnknownFeature: the provider has none of that slug.
        ValueError: the connection is a person's, or is made through another registration; or the hub's own
            application is to name a subject.
    """
    if connection and (connection.owner_id is not None or connection.registration_id != registration.pk):
        raise ValueError("only the hub's own connections at the registration can be opened to an application")
    if subject and not issuer:
        raise ValueError("the hub's own tokens name no subject beside application and person")
    slugs = sorted({*features})
    of_features = provider_of(registration).scope_of(slugs) if slugs else frozenset()
    with transaction.atomic():
        rule, is_new = Allowance.objects.get_or_create(
            issuer=issuer,
            client_id=client_id,
            subject="" if subject == client_id else subject,
            registration=registration,
            connection=connection,
            person=None,
            defaults={"features": slugs, "scope": scope_text(of_features | frozenset(scope))},
        )
        if is_new:
            _tell("opened to an application", rule, client_name=client_name, actor=actor)
    return rule


def close(rule: Allowance, *, client_name: str, actor: str) -> None:
    """Take back what an operator opened. Of each connection that is not open to the application any more, it hears."""
    with transaction.atomic():
        _tell("closed to an application", rule, client_name=client_name, actor=actor)
        # Whoever it was open to hears of it, so it is told before it is not open any more.
        ended = [*_open_by_this_alone(rule).values_list("pk", flat=True)]
        record_many(Event.Kind.APPLICATION_REMOVED, ended, details=_named(rule, client_name), actor=actor)
        rule.delete()


def _open_by_this_alone(rule: Allowance) -> QuerySet[Connection]:
    """The connections that the application has by this rule, and by no other."""
    rows = Connection.objects.visible().filter(owner__isnull=True, registration=rule.registration)
    others = Allowance.objects.filter(
        issuer=rule.issuer, client_id=rule.client_id, subject=rule.subject, registration=rule.registration, person=None
    ).exclude(pk=rule.pk)
    if others.filter(connection=None).exists():
        return rows.none()
    mine = rows if rule.connection_id is None else rows.filter(pk=rule.connection_id)
    return mine.exclude(pk__in=others.values("connection_id"))


def _named(rule: Allowance, client_name: str) -> dict[str, object]:
    whose = {"issuer": rule.issuer, "subject": rule.subject or rule.client_id} if rule.issuer else {}
    return {"application": client_name, "client_id": rule.client_id, **whose}


def _tell(action: str, rule: Allowance, *, client_name: str, actor: str) -> None:
    details = {
        "action": action,
        "object": f"integrations.clientregistration {rule.registration_id}",
        **_named(rule, client_name),
        "features": rule.features,
        "scope": rule.scope.split(),
    }
    record(
        Event.Kind.ADMIN_ACTION,
        connection=rule.connection,
        registration=rule.registration,
        actor=actor,
        details=details,
    )
