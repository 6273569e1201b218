"""A person allows an application to use connections of theirs, and takes that back."""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import QuerySet

from integrations.flows.clients import provider_of
from integrations.flows.events import record
from integrations.models import Allowance, AuthorizationRequest, Connection, ConnectLink, Event
from integrations.models.connection import ENDED, scope_text


def allow(
    person_id: int, client_id: str, chosen: Mapping[int, Collection[str]], *, client_name: str, actor: str, ip: str = ""
) -> None:
    """Make what a person chose the whole of what an application may use: slugs of features by connection id.

    A connection that is not chosen is no longer allowed. One that is not theirs, was ended, or lacks a feature is
    passed over: what is shown to them never asks for that.
    """
    with transaction.atomic():
        own = Connection.objects.select_for_update(of=("self",)).filter(owner_id=person_id).exclude(status__in=ENDED)
        rows = {row.pk: row for row in own.filter(pk__in=chosen).select_related("registration")}
        before = _allowances(person_id, client_id)
        for allowance in before.exclude(connection_id__in=[pk for pk in rows if chosen[pk]]).select_related(
            "connection__registration"
        ):
            _remove(allowance, client_name=client_name, actor=actor, ip=ip)
        for row in rows.values():
            if chosen[row.pk]:
                _allow(row, client_id, chosen[row.pk], client_name=client_name, actor=actor, ip=ip)


def remove_application(person_id: int, client_id: str, *, client_name: str, actor: str, ip: str = "") -> int:
    """Take back all that a person allowed an application; how many connections that were."""
    with transaction.atomic():
        found = list(_allowances(person_id, client_id).select_related("connection__registration"))
        for allowance in found:
            _remove(allowance, client_name=client_name, actor=actor, ip=ip)
    return len(found)


def finish_link(request: AuthorizationRequest, connection: Connection, *, actor: str, ip: str = "") -> None:
    """Note what came of an application's link, and share it as the person decided; in the caller's transaction.

    What the application might use of the connection before, it still may.
    """
    link = request.link
    if link is None or not ConnectLink.objects.filter(pk=link.pk, connection=None).update(connection=connection):
        return
    if link.shares:
        known = _allowances(link.user_id, link.client_id).filter(connection=connection).first()
        minimum = provider_of(connection.registration).minimum.slug
        wanted = {minimum, *request.features, *(known.features if known else ())}
        on = provider_of(connection.registration).features_of(connection.scope)[0]
        features = sorted(feature.slug for feature in on if feature.slug in wanted)
        _allow(connection, link.client_id, features, client_name=link.client_name, actor=actor, ip=ip)


def scope_of(connection: Connection, features: Collection[str]) -> frozenset[str]:
    """What a choice of features comes to: with all that are switched on, whatever the connection was granted."""
    provider = provider_of(connection.registration)
    on, _ = provider.features_of(connection.scope)
    chosen = {feature.slug for feature in on} & set(features)
    if chosen == {feature.slug for feature in on}:
        return connection.scope
    return connection.scope & provider.covered_by(provider.scope_of(chosen))


def _allowances(person_id: int, client_id: str) -> QuerySet[Allowance]:
    return Allowance.objects.filter(issuer="", client_id=client_id, person_id=person_id)


def _allow(
    row: Connection, client_id: str, features: Collection[str], *, client_name: str, actor: str, ip: str
) -> None:
    on, _ = provider_of(row.registration).features_of(row.scope)
    slugs = sorted({feature.slug for feature in on} & set(features))
    scope = scope_text(scope_of(row, slugs))
    known = Allowance.objects.filter(issuer="", client_id=client_id, connection=row).first()
    if known is not None and (known.features, known.scope) == (slugs, scope):
        return
    Allowance.objects.update_or_create(
        issuer="",
        client_id=client_id,
        connection=row,
        defaults={
            "person_id": row.owner_id,
            "registration": row.registration,
            "features": slugs,
            "scope": scope,
        },
    )
    details = {"application": client_name, "client_id": client_id, "features": slugs}
    record(Event.Kind.APPLICATION_ALLOWED, connection=row, actor=actor, ip=ip, details=details)


def _remove(allowance: Allowance, *, client_name: str, actor: str, ip: str) -> None:
    details = {"application": client_name, "client_id": allowance.client_id}
    record(Event.Kind.APPLICATION_REMOVED, connection=allowance.connection, actor=actor, ip=ip, details=details)
    allowance.delete()
