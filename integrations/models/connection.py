"""A person's authorization at one provider account: status, expiry, lease."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, ClassVar, Self, cast

from django.conf import settings
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from integrations.models.batch import among, as_table
from integrations.models.client_registration import ClientRegistration


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def usable(self) -> Self:
        """Active, at an enabled registration, of an active owner or of the hub itself."""
        # Not a join: SQLite would go through what is due registration by registration, and sort it all for each batch.
        enabled = ClientRegistration.objects.filter(pk=OuterRef("registration"), enabled=True)
        return self.filter(
            Q(owner__isnull=True) | Q(owner__is_active=True), Exists(enabled), status=Connection.Status.ACTIVE
        )

    def due(self, *, now: datetime) -> Self:
        """Usable rows whose refresh is due by `now` and which nobody is refreshing."""
        return self.usable().filter(refresh_due_at__lte=now).unleased(now=now)

    def unleased(self, *, now: datetime) -> Self:
        """Rows whose lease is free to take: none, or one that ran out before its request left."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now, refresh_sent=False))

    def among(self, ids: Collection[int]) -> Self:
        """These rows, if they are many: as `pk__in`, for less."""
        return self.filter(pk__in=among(ids, using=self.db))

    def visible(self) -> Self:
        """What its owner still has: everything but what was disconnected."""
        return self.exclude(status__in=ENDED)

    def write_many(self, rows: Sequence[Mapping[str, object]], *, same: Mapping[str, object]) -> None:
        """Set columns of many rows in one statement: those of `same` alike, and of each row its own others.

        Each row names its own by `pk`, and all have the same keys. Up to a thousand rows.
        """
        if not rows:
            return
        connection = connections[self.db]
        quote = connection.ops.quote_name
        table = quote(self.model._meta.db_table)
        alike = [self._field(name) for name in same]
        own = [self._field(name) for name in rows[0]]
        changes = [f"{quote(str(field.column))} = %s" for field in alike]
        for number, field in enumerate(own, start=1):
            if field.primary_key:
                condition = f"{table}.{quote(str(field.column))} = given.column{number}"
            else:
                changes.append(f"{quote(str(field.column))} = given.column{number}")
        prepare = [_as_given(field, connection) for field in own]
        given, values = as_table(
            connection,
            types=[field.rel_db_type(connection) if field.primary_key else field.db_type(connection) for field in own],
            rows=[[write(value) for write, value in zip(prepare, row.values(), strict=True)] for row in rows],
        )
        first = [field.get_db_prep_save(value, connection) for field, value in zip(alike, same.values(), strict=True)]
        sql = f"UPDATE {table} SET {', '.join(changes)} FROM {given} WHERE {condition}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [*first, *values])

    def _field(self, name: str) -> "models.Field[Any, Any]":
        field = self.model._meta.pk if name == "pk" else self.model._meta.get_field(name)
        return cast("models.Field[Any, Any]", field)

    def claim(self, *, lease_owner: str, lease_until: datetime, now: datetime) -> int:
        """Take the lease of every row of this query that is free (one compare-and-set); how many were taken."""
        return self.unleased(now=now).update(lease_owner=lease_owner, lease_until=lease_until, refresh_sent=False)


class Connection(models.Model):
    """One authorization at one provider account; tokens are in its vault entry."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        NEEDS_REAUTHORIZATION = "needs_reauthorization", _("Needs you")
        REVOKING = "revoking", _("Disconnecting")
        REVOKED = "revoked", _("Disconnected")

    class GrantType(models.TextChoices):
        AUTHORIZATION_CODE = "authorization_code", "Authorization code"
        CLIENT_CREDENTIALS = "client_credentials", "Client credentials"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="connections",
        help_text="Null: the hub's own (client credentials).",
    )
    registration = models.ForeignKey(ClientRegistration, on_delete=models.PROTECT, related_name="connections")
    grant_type = models.CharField(max_length=32, choices=GrantType, default=GrantType.AUTHORIZATION_CODE)
    issuer = models.CharField(max_length=512, help_text="Who vouches for the subject.")
    subject = models.CharField(max_length=512, help_text="Account id at the provider; case-sensitive, never e-mail.")
    account_label = models.CharField(max_length=200, blank=True, help_text="The account as the provider names it.")
    name = models.CharField(max_length=100, blank=True, help_text="The owner's own name for it.")
    variables = models.JSONField(
        default=dict,
        blank=True,
        help_text="Which instance of the provider it is at, in addition to the registration's variables; never changed "
        "but by connecting anew.",
    )
    status = models.CharField(max_length=32, choices=Status, default=Status.ACTIVE)
    granted_scope = models.TextField(blank=True, help_text="Space-separated, sorted.")
    unexpected_scope = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What the provider granted unasked, so that its tokens can do it too; space-separated, sorted.",
    )
    requested_features = models.JSONField(default=list, blank=True)
    access_expires_at = models.DateTimeField(null=True, help_text="Null: the provider did not say.")
    access_lifetime_seconds = models.PositiveIntegerField(null=True, help_text="Null: the provider did not say.")
    refresh_expires_at = models.DateTimeField(null=True, help_text="Null: no known end, or no refresh token.")
    refresh_due_at = models.DateTimeField(null=True, help_text="When to refresh next; null: nothing to do.")
    has_refresh_token = models.BooleanField(default=False)
    version = models.PositiveBigIntegerField(default=0, help_text="Grows with every stored token.")
    lease_owner = models.CharField(max_length=64, blank=True, help_text="Who refreshes now; empty: nobody.")
    lease_until = models.DateTimeField(null=True, help_text="Null: no lease.")
    refresh_sent = models.BooleanField(
        default=False,
        help_text="The lease holder was about to send the refresh token; the outcome is not known yet.",
    )
    failure_count = models.PositiveIntegerField(default=0, help_text="Passing failures in a row.")
    last_error_code = models.CharField(max_length=64, blank=True)
    last_used_at = models.DateTimeField(null=True)
    last_refreshed_at = models.DateTimeField(null=True)
    provider_data = models.JSONField(default=dict, blank=True, help_text="Kept from the token response; no secrets.")
    created_at = models.DateTimeField(db_default=Now())

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("owner", "registration", "issuer", "subject"),
                name="one_connection_per_owner_and_account",
            ),
            models.UniqueConstraint(
                fields=("registration", "issuer", "subject"),
                condition=Q(owner__isnull=True),
                name="one_connection_of_the_hub_per_account",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("active", "needs_reauthorization", "revoking", "revoked")),
                name="connection_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(lease_owner="", lease_until__isnull=True)
                | (~Q(lease_owner="") & Q(lease_until__isnull=False)),
                name="a_lease_has_an_owner_and_an_end",
            ),
            models.CheckConstraint(
                condition=Q(status="active") | Q(refresh_due_at__isnull=True),
                name="only_active_connections_are_due",
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="connection_names_its_account"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("refresh_due_at", "id"),
                name="connection_due",
                condition=Q(refresh_due_at__isnull=False),
            ),
            models.Index(
                fields=("registration", "refresh_due_at", "id"),
                name="connection_due_by_registration",
                condition=Q(refresh_due_at__isnull=False),
            ),
            models.Index(fields=("owner", "-created_at"), name="connection_by_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.registration_id}:{self.uuid}"

    @property
    def title(self) -> str:
        return self.name or self.account_label or self.subject

    @property
    def scope(self) -> frozenset[str]:
        return _scope_of(self.granted_scope)

    @property
    def unexpected(self) -> frozenset[str]:
        return _scope_of(self.unexpected_scope)

    @property
    def is_usable(self) -> bool:
        """Whether anything may be done with it; needs `registration` and `owner` loaded."""
        return (
            self.status == self.Status.ACTIVE
            and self.registration.enabled
            and (self.owner is None or self.owner.is_active)
        )

    def has_expired(self, *, now: datetime) -> bool:
        return self.access_expires_at is not None and self.access_expires_at <= now


#: Disconnected by its owner or an operator, whether or not the provider was told yet.
ENDED = (Connection.Status.REVOKING, Connection.Status.REVOKED)
#: Sets every field a finished refresh leaves behind; use with `update(**LEASE_RELEASED)`.
LEASE_RELEASED = {"lease_owner": "", "lease_until": None, "refresh_sent": False}
#: What every stored token response leaves alike.
RENEWED = {**LEASE_RELEASED, "status": Connection.Status.ACTIVE, "failure_count": 0, "last_error_code": ""}
NEXT_VERSION = F("version") + 1


def _as_given(field: "models.Field[Any, Any]", connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    """How a value of the column's own type goes to the driver, without what Django does for values of other types."""
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if isinstance(field, models.JSONField) and connection.vendor != "postgresql":
        return partial(field.get_db_prep_save, connection=connection)
    return lambda value: value


@lru_cache(maxsize=1024)
def _scope_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


@lru_cache(maxsize=1024)
def scope_text(scope: frozenset[str]) -> str:
    """How a scope is stored: sorted, space-separated."""
    return " ".join(sorted(scope))
