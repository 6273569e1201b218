"""An application is registered by a person, gets another secret, and ends."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import Application

from hub.applications import environment
from hub.applications.authorizations import shown_name
from hub.applications.kinds import Kind
from integrations.flows import webhooks
from integrations.flows.allow import end_application
from integrations.flows.named import as_actor

logger = logging.getLogger(__name__)

PER_PERSON = 20


class TooMany(Exception):
    """A person has as many applications as one may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """An application, and its secret in the open, to be shown once; empty where it has none."""

    application: Application
    secret: str = field(repr=False)


def may_register(person: User) -> bool:
    """Whether this person may register applications, and change those they have."""
    return settings.HUB_APPLICATIONS == environment.PEOPLE or person.is_staff


def registered_by(person: User) -> QuerySet[Application]:
    """A person's applications, by name."""
    rows: QuerySet[Application] = Application.objects.filter(user=person).order_by("name", "pk")
    return rows


def register(person: User, kind: Kind, *, name: str, redirect_uris: Sequence[str]) -> Registered:
    """Make an application.

    Raises:
        TooMany: nothing was made.
    """
    secret = generate_client_secret() if kind.has_secret else ""
    with transaction.atomic():
        # One at a time for each person: two that come at once count each other.
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if registered_by(person).count() >= PER_PERSON:
            raise TooMany
        application = Application.objects.create(
            client_id=generate_client_id(),
            client_secret=secret,
            user=person,
            name=name,
            client_type=kind.client_type,
            authorization_grant_type=kind.grant,
            redirect_uris=" ".join(redirect_uris) if kind.has_redirect_uris else "",
        )
    logger.info("application registered", extra={"client_id": application.client_id, "user": person.pk})
    return Registered(application=application, secret=secret)


def change(application: Application, *, name: str, redirect_uris: Sequence[str]) -> None:
    """Give it another name, and other addresses."""
    application.name = name
    application.redirect_uris = " ".join(redirect_uris)
    application.save(update_fields=["name", "redirect_uris", "updated"])


def rotate_secret(application: Application) -> Registered:
    """Make another secret; the one before is void at once. Tokens that were issued stay good."""
    secret = generate_client_secret()
    application.client_secret = secret
    application.save(update_fields=["client_secret", "updated"])
    logger.info("application's secret replaced", extra={"client_id": application.client_id})
    return Registered(application=application, secret=secret)


def delete(application: Application, *, actor: str = "") -> None:
    """End an application: its tokens, what people and operators allowed it, where it hears of that, and itself.

    People read that it ended in their activity; who ended it is named there only if `actor` is given.
    """
    name, client_id = shown_name(application), application.client_id
    with transaction.atomic():
        # Whoever is given a token at this moment is waited for.
        Application.objects.select_for_update().get(pk=application.pk)
        end_application(client_id, client_name=name, actor=actor or as_actor(name, client_id))
        webhooks.remove_application(client_id, actor=actor or as_actor(name, client_id))
        application.delete()
    logger.info("application deleted", extra={"client_id": client_id})
