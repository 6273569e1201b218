"""What an application may borrow: one row for each connection that a person shared, or registration that an operator
opened to it."""

import uuid
from typing import ClassVar, Self
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.models.client_registration import ClientRegistration
from integrations.models.connection import Connection


class AllowanceQuerySet(models.QuerySet["Allowance"]):
    def covering(self, connection: Connection) -> Self:
        """What opens a connection: its owner's rules of it, or for the hub's own those of operators."""
        named = Q(connection=connection)
        if connection.owner_id is None:
            named |= Q(connection=None, registration=connection.registration_id)
        return self.filter(named, person=connection.owner_id)


class Allowance(models.Model):
    """An application may use a connection, as far as `scope` goes. Nothing is allowed that has no row here.

    A person's row names one of their connections. An operator's has no person: it opens the hub's own connections at
    a registration, all or one of them, to an application that acts for itself; or, where another issuer knows it, to
    that application's tokens for one other subject.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    issuer = models.CharField(max_length=512, blank=True, help_text="Who knows the application; empty: the hub itself.")
    client_id = models.CharField(max_length=255)
    subject = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="Whom the issuer's tokens must name for it (their `sub`); empty: the application itself.",
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="allowances",
        help_text="Who allowed it of what is theirs; null: an operator, of what is the hub's own.",
    )
    registration = models.ForeignKey(ClientRegistration, on_delete=models.CASCADE, related_name="allowances")
    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        null=True,
        related_name="allowances",
        help_text="Null: each of the hub's own at the registration.",
    )
    features = models.JSONField(default=list, help_text="Slugs of what was chosen, as the catalogue names them.")
    scope = models.TextField(blank=True, help_text="What that comes to at the provider; space-separated, sorted.")
    created_at = models.DateTimeField(db_default=Now())

    objects = AllowanceQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("issuer", "client_id", "subject", "connection"),
                condition=Q(connection__isnull=False),
                name="one_allowance_per_application_and_connection",
            ),
            models.UniqueConstraint(
                fields=("issuer", "client_id", "subject", "registration"),
                condition=Q(connection__isnull=True),
                name="one_allowance_per_application_and_registration",
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=True) | Q(connection__isnull=False),
                name="a_person_allows_a_connection",
            ),
            models.CheckConstraint(condition=~Q(client_id=""), name="allowance_names_its_application"),
            models.CheckConstraint(
                condition=Q(subject="") | (~Q(issuer="") & Q(person__isnull=True) & ~Q(subject=models.F("client_id"))),
                name="an_operator_names_another_subject_of_another_issuer",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=("person", "issuer", "client_id"), name="allowance_by_person")]

    def __str__(self) -> str:
        whose = " ".join(filter(None, (self.issuer, self.client_id, self.subject)))
        return f"{whose}:{self.registration_id}:{self.connection_id or '*'}"

    @property
    def allowed_scope(self) -> frozenset[str]:
        return frozenset(self.scope.split())


def application_key(issuer: str, client_id: str, subject: str = "") -> str:
    """The name of an application among those of all issuers, where events tell of several.

    Of another issuer's it is that of one subject: who has it for another, or for itself, has another name. Encoded, so
    that no issuer can put two of its names together to a third.
    """
    if not issuer:
        return client_id
    return " ".join(quote(part, safe=":/") for part in (issuer, client_id, subject or client_id))
