"""All that the hub knows about a person, as one JSON object, made while it is sent. docs/operations.md describes it.

Every member is named here; what is not named does not leave. No token, sealed value, password, second factor's secret
or session key is among them.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from integrations.flows.event_export import in_chunks
from integrations.flows.preferences import preferences_of
from integrations.models import Allowance, Attempt, Connection, Event, Use, WebhookEndpoint
from integrations.providers import PROVIDERS
from integrations.web.presentation import provider_name

FORMAT = 1


def data_pieces(user: User, *, now: datetime) -> Iterator[str]:
    """The file, piece by piece."""
    head = {
        "format": FORMAT,
        "exported_at": now,
        "account": _account(user),
        "preferences": _preferences(user),
        "email_addresses": [_email_address(row) for row in EmailAddress.objects.filter(user=user).order_by("pk")],
        "second_factors": [_second_factor(row) for row in Authenticator.objects.filter(user=user).order_by("pk")],
        "sessions": [_session(row) for row in UserSession.objects.filter(user=user).order_by("-last_seen_at")],
        "authorized_applications": sorted({*_applications(user)}),
        "own_applications": [_own_application(row) for row in _applications_of(user)],
    }
    yield _dumped(head)[:-2]
    connections = user.connections.select_related("registration").fetch_mode(models.FETCH_RAISE).order_by("pk")
    yield from _listed("connections", (_connection(row) for row in connections.iterator(chunk_size=500)))
    rules = Allowance.objects.filter(person=user).select_related("connection").order_by("pk")
    yield from _listed("allowed_to_applications", map(_allowance, rules.iterator(chunk_size=500)))
    events = Event.objects.filter(owner_id=user.pk).select_related("connection", "registration").order_by("-pk")
    rows = (row for chunk in in_chunks(events.fetch_mode(models.FETCH_RAISE)) for row in chunk)
    yield from _listed("events", map(_event, rows))
    uses = Use.objects.filter(connection__owner_id=user.pk).select_related("connection").order_by("-day", "pk")
    yield from _listed("uses", map(_use, uses.iterator(chunk_size=500)))
    attempts = Attempt.objects.filter(user=user).select_related("registration", "connection").order_by("-pk")
    yield from _listed("connect_attempts", map(_attempt, attempts.iterator(chunk_size=500)))
    yield from _listed("webhooks", map(_webhook, user.webhook_endpoints.order_by("pk")))
    yield "\n}\n"


def _account(user: User) -> dict[str, object]:
    return {
        "username": user.get_username(),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "joined_at": user.date_joined,
        "last_sign_in_at": user.last_login,
        "is_operator": user.is_staff,
    }


def _preferences(user: User) -> dict[str, object]:
    chosen = preferences_of(user.pk)
    return {
        "mail_needs_you": chosen.mail_needs_you,
        "mail_connected": chosen.mail_connected,
        "language": chosen.language,
    }


def _email_address(row: EmailAddress) -> dict[str, object]:
    return {"email": row.email, "is_verified": row.verified, "is_primary": row.primary}


def _second_factor(row: Authenticator) -> dict[str, object]:
    return {
        "type": row.type,
        "name": str(row.data.get("name", "")) if row.type == Authenticator.Type.WEBAUTHN else "",
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
    }


def _session(row: UserSession) -> dict[str, object]:
    return {
        "device": row.user_agent,
        "address": row.ip,
        "created_at": row.created_at,
        "last_seen_at": row.last_seen_at,
    }


def _applications(user: User) -> Iterator[str]:
    """The names of applications that may act in this person's name at the hub."""
    for tokens in (user.oauth2_provider_accesstoken, user.oauth2_provider_refreshtoken):  # type: ignore[attr-defined]
        yield from tokens.filter(application__isnull=False).values_list("application__name", flat=True)


def _applications_of(user: User) -> Iterable[Any]:
    rows: Iterable[Any] = user.oauth2_provider_application.order_by("pk")  # type: ignore[attr-defined]
    return rows


def _own_application(row: Any) -> dict[str, object]:
    return {
        "name": row.name,
        "client_id": row.client_id,
        "client_type": row.client_type,
        "grant_type": row.authorization_grant_type,
        "redirect_uris": row.redirect_uris.split(),
        "created_at": row.created,
    }


def _connection(row: Connection) -> dict[str, object]:
    provider = PROVIDERS.get(row.registration.provider)
    return {
        "id": row.uuid,
        "service": provider_name(row.registration),
        "account": row.account_label,
        "account_id": row.subject,
        "issuer": row.issuer,
        "name": row.name,
        "instance": row.variables,
        "known_from_service": row.provider_data,
        "status": row.status,
        "granted_scope": sorted(row.scope),
        "unexpected_scope": sorted(row.unexpected),
        "features": [feature.slug for feature in provider.features_of(row.scope)[0]] if provider else [],
        "requested_features": row.requested_features,
        "connected_at": row.created_at,
        "last_used_at": row.last_used_at,
        "last_renewed_at": row.last_refreshed_at,
        "access_expires_at": row.access_expires_at,
    }


def _allowance(row: Allowance) -> dict[str, object]:
    return {
        "application": row.client_id,
        "issuer": row.issuer or None,
        "connection": row.connection.uuid if row.connection else None,
        "features": row.features,
        "scope": row.scope.split(),
        "allowed_at": row.created_at,
    }


def _event(row: Event) -> dict[str, object]:
    return {
        "at": row.created_at,
        "kind": row.kind,
        "actor": row.actor,
        "address": row.ip,
        "service": provider_name(row.registration) if row.registration else None,
        "connection": row.connection.uuid if row.connection else None,
        "details": row.details,
    }


def _use(row: Use) -> dict[str, object]:
    return {"connection": row.connection.uuid, "actor": row.actor, "day": row.day, "count": row.count}


def _attempt(row: Attempt) -> dict[str, object]:
    return {
        "service": provider_name(row.registration),
        "connection": row.connection.uuid if row.connection else None,
        "outcome": row.outcome,
        "error": row.error_code,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "steps": row.steps,
    }


def _webhook(row: WebhookEndpoint) -> dict[str, object]:
    return {
        "application": row.client_id,
        "url": row.url,
        "kinds": row.kinds,
        "created_at": row.created_at,
        "disabled_at": row.disabled_at,
    }


def _listed(name: str, items: Iterable[dict[str, object]]) -> Iterator[str]:
    """A member that is a list, item by item."""
    yield f",\n  {json.dumps(name)}: ["
    separator = "\n"
    for item in items:
        yield separator + _whole(json.dumps(item, cls=DjangoJSONEncoder, ensure_ascii=False))
        separator = ",\n"
    yield "]"


def _dumped(value: object) -> str:
    return _whole(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))


def _whole(text: str) -> str:
    """Escape halves of characters, as a service may send them: they cannot be sent on, and would cut the file off."""
    return text.encode(errors="backslashreplace").decode()
