"""A person allows an application to use connections of theirs, and takes that back."""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from integrations.flows.clients import provider_of
from integrations.flows.events import record
from integrations.flows.named import as_actor
from integrations.models import Allowance, AuthorizationRequest, Connection, ConnectLink, Event
from integrations.models.connection import ENDED, scope_text
from integrations.models.person import applications_made_by

#: Stands among the features of a choice for what a provider granted unasked: with it, a token may be lent all the same.
#: No feature of the catalogue has such a name.
UNASKED = "+unasked"


def allow(
    person_id: int, client_id: str, chosen: Mapping[int, Collection[str]], *, client_name: str, actor: str, ip: str = ""
) -> None:
    """Make what a person chose the whole of what an application may use: slugs of features by connection id.

    A connection that is not chosen is no longer allowed. One that is not theirs or was ended, and a feature that it
    lacks, are passed over: what is shown to them never asks for that.
    """
    with transaction.atomic():
        own = Connection.objects.select_for_update(of=("self",)).filter(owner_id=person_id).exclude(status__in=ENDED)
        rows = own.filter(pk__in=chosen).select_related("registration").order_by("pk")
        wanted = {row: slugs for row in rows if (slugs := features_chosen(row, chosen[row.pk]))}
        before = _allowances(person_id, client_id).exclude(connection_id__in=[row.pk for row in wanted])
        for allowance in before.select_related("connection__registration"):
            _remove(allowance, client_name=client_name, actor=actor, ip=ip)
        for row, slugs in wanted.items():
            _allow(row, client_id, slugs, client_name=client_name, actor=actor, ip=ip)


def remove_application(person_id: int, client_id: str, *, client_name: str, actor: str, ip: str = "") -> int:
    """Take back all that a person allowed an application; how many connections that were.

    One event of each connection, and one of the application.
    """
    with transaction.atomic():
        found = list(_allowances(person_id, client_id).select_related("connection__registration"))
        for allowance in found:
            _remove(allowance, client_name=client_name, actor=actor, ip=ip)
        end_links(client_id, person_id=person_id)
        details = {"application": client_name, "client_id": client_id}
        record(Event.Kind.APPLICATION_REMOVED, owner_id=person_id, actor=actor, ip=ip, details=details)
    return len(found)


def end_application(client_id: str, *, client_name: str, actor: str) -> int:
    """Take back whatever anybody allowed an application that is no more: people, and operators; how many rows."""
    with transaction.atomic():
        rules = Allowance.objects.filter(issuer="", client_id=client_id)
        found = list(rules.select_related("connection__registration"))
        for allowance in found:
            if allowance.person_id is None:
                allowance.delete()
            else:
                _remove(allowance, client_name=client_name, actor=actor, ip="")
        end_links(client_id)
    return len(found)


def end_links(client_id: str, *, person_id: int | None = None) -> None:
    """Void the links to connect of an application, or those for one person; what one began is finished without it."""
    links = ConnectLink.objects.filter(client_id=client_id)
    (links if person_id is None else links.filter(user_id=person_id)).delete()


def end_applications_of(person_id: int) -> None:
    """Take back what anybody allowed the applications that a person registered, who closes their account."""
    for client_id, name in applications_made_by(person_id):
        end_application(client_id, client_name=name, actor=as_actor(name, client_id))


def features_chosen(connection: Connection, features: Collection[str]) -> tuple[str, ...]:
    """Slugs of a choice that are switched on, with the minimum, without which there is no other; none if none is."""
    provider = provider_of(connection.registration)
    on = {feature.slug for feature in provider.features_of(connection.scope)[0]}
    if connection.unexpected:
        on.add(UNASKED)
    chosen = on & set(features)
    return tuple(sorted(chosen | ({provider.minimum.slug} & on))) if chosen else ()


def finish_link(request: AuthorizationRequest, connection: Connection, *, actor: str, ip: str = "") -> None:
    """Note what came of an application's link, and share it as the person decided; in the caller's transaction.

    What the application might use of the connection before, it still may. What is newly shared is so since it was
    connected: how its own link ended is told to it.
    """
    link = request.link
    if link is None or not ConnectLink.objects.filter(pk=link.pk, connection=None).update(connection=connection):
        return
    if link.shares:
        known = _allowances(link.user_id, link.client_id).filter(connection=connection).first()
        minimum = provider_of(connection.registration).minimum.slug
        wanted = {minimum, *request.features, *(known.features if known else ())}
        if known and not connection.unexpected <= known.allowed_scope:
            # Other things were granted unasked than what was allowed then.
            wanted.discard(UNASKED)
        features = features_chosen(connection, wanted)
        _allow(connection, link.client_id, features, client_name=link.client_name, actor=actor, ip=ip)
        if known is None:
            _allowances(link.user_id, link.client_id).filter(connection=connection).update(created_at=_connected_at())


def scope_of(connection: Connection, features: Collection[str]) -> frozenset[str]:
    """What a choice of features comes to: with all that are switched on, whatever the connection was granted."""
    provider = provider_of(connection.registration)
    on, _ = provider.features_of(connection.scope)
    chosen = {feature.slug for feature in on} & set(features)
    unasked = connection.unexpected if UNASKED in features else frozenset()
    if chosen == {feature.slug for feature in on}:
        return connection.scope | unasked
    return connection.scope & provider.covered_by(provider.scope_of(chosen)) | unasked


def _allowances(person_id: int, client_id: str) -> QuerySet[Allowance]:
    return Allowance.objects.filter(issuer="", client_id=client_id, person_id=person_id)


def _connected_at() -> Subquery:
    """When an allowance's connection was connected last; copied in the database, where two clocks cannot differ."""
    kinds = (Event.Kind.CONNECTED, Event.Kind.RECONNECTED)
    told = Event.objects.filter(connection=OuterRef("connection"), kind__in=kinds).order_by("-pk")
    return Subquery(told.values("created_at")[:1])


def _allow(
    row: Connection, client_id: str, features: Collection[str], *, client_name: str, actor: str, ip: str
) -> None:
    slugs, scope = [*features], scope_text(scope_of(row, features))
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
    details = {"application": client_name, "client_id": client_id, "features": slugs, "before": known is not None}
    record(Event.Kind.APPLICATION_ALLOWED, connection=row, actor=actor, ip=ip, details=details)


def _remove(allowance: Allowance, *, client_name: str, actor: str, ip: str) -> None:
    details = {"application": client_name, "client_id": allowance.client_id}
    record(Event.Kind.APPLICATION_REMOVED, connection=allowance.connection, actor=actor, ip=ip, details=details)
    allowance.delete()
