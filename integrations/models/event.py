"""Append-only facts: audit trail, activity feed and outbox in one."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import connections, models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from integrations.models.client_registration import ClientRegistration
from integrations.models.connection import Connection

SLACK = timedelta(hours=1)
_OLDEST_WRITER = """
    SELECT LEAST(statement_timestamp(), MIN(COALESCE(activity.xact_start, to_timestamp(0))))
    FROM pg_locks AS held LEFT JOIN pg_stat_activity AS activity ON activity.pid = held.pid
    WHERE held.locktype = 'relation' AND held.relation = %s::regclass AND held.mode = 'RowExclusiveLock'
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND held.pid IS DISTINCT FROM pg_backend_pid()
"""


class EventQuerySet(models.QuerySet["Event"]):
    def tell_many(
        self, kind: str, connection_ids: Collection[int], *, details: Mapping[str, object], actor: str = ""
    ) -> list[tuple[int, int]]:
        """Append the same fact about many connections, in one statement: which event tells of which connection.

        `flows.events` alone calls it: there, applications hear of it too.
        """
        if not connection_ids:
            return []
        quote = connections[self.db].ops.quote_name
        some = ", ".join(["%s"] * len(connection_ids))
        sql = (
            f"INSERT INTO {quote(self.model._meta.db_table)} "  # noqa: S608
            "(kind, actor, owner_id, connection_id, registration_id, ip, details) "
            "SELECT %s, %s, owner_id, id, registration_id, NULL, %s "
            f"FROM {quote(Connection._meta.db_table)} WHERE id IN ({some}) ORDER BY id RETURNING id, connection_id"
        )
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [kind, actor[:150], json.dumps(details), *connection_ids])
            return [(int(pk), int(connection_id)) for pk, connection_id in cursor.fetchall()]

    def within(self, start: datetime, end: datetime) -> Self:
        """Events of a span of time, found by their ids, so that no index on the time is needed.

        Ids follow time, but for those of transactions that took long; they may have taken an hour.
        """
        first, last = (self.model._default_manager.first_pk_since(at) for at in (start - SLACK, end + SLACK))
        return self.filter(pk__gte=first, pk__lt=last, created_at__gte=start, created_at__lt=end)

    def complete_until(self, now: datetime, *, written_within: timedelta) -> datetime:
        """Up to when events are all there: of those that are older, none comes any more before another in the order.

        An event's place in the order is taken when it is written, and it is seen when its transaction ends: one that
        takes long would come in behind those who have read on. `written_within` is what may pass between the time of
        an event and its place. To be asked before the events are read.

        On SQLite whoever writes is alone until they are done. On PostgreSQL whoever has begun to write events holds a
        lock that all may see; since when, only those see who have the same role, and else it is for ever.
        """
        connection = connections[self.db]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_OLDEST_WRITER, [self.model._meta.db_table])
                now = min(now, cursor.fetchone()[0])
        return now - written_within

    def first_pk_since(self, moment: datetime) -> int:
        """The id from which on events are not older; some twenty look-ups by key in a table of a million."""
        ends = self.order_by().aggregate(low=models.Min("pk"), high=models.Max("pk"))
        low, high = ends["low"] or 0, (ends["high"] or 0) + 1
        times = self.order_by("pk").values_list("pk", "created_at")
        while low < high:
            middle = (low + high) // 2
            pk, created_at = times.filter(pk__gte=middle)[0]
            low, high = (low, middle) if created_at >= moment else (pk + 1, high)
        return int(low)


class Event(models.Model):
    """One fact, written in the same transaction as the change it tells of; never changed afterwards."""

    class Kind(models.TextChoices):
        CONNECTED = "connected", _("Connected")
        RECONNECTED = "reconnected", _("Reconnected")
        CONNECT_FAILED = "connect_failed", _("Connecting failed")
        SCOPE_CHANGED = "scope_changed", _("Permissions changed")
        SCOPE_UNEXPECTED = "scope_unexpected", _("More permissions granted than asked for")
        REFRESHED = "refreshed", _("Access renewed")
        REFRESH_FAILED = "refresh_failed", _("Renewal failed")
        NEEDS_REAUTHORIZATION = "needs_reauthorization", _("Reconnection needed")
        RECOVERED = "recovered", _("Works again")
        USED = "used", _("Used")
        RENAMED = "renamed", _("Renamed")
        DISCONNECTED = "disconnected", _("Disconnected")
        REVOKED_AT_PROVIDER = "revoked_at_provider", _("Access withdrawn at the provider")
        REVOCATION_FAILED = "revocation_failed", _("Access could not be withdrawn at the provider")
        SEAL_BROKEN = "seal_broken", _("Stored tokens cannot be opened")
        APPLICATION_ALLOWED = "application_allowed", _("Application allowed")
        APPLICATION_REMOVED = "application_removed", _("Application removed")
        WEBHOOK_CHANGED = "webhook_changed", _("Webhook changed")
        WEBHOOK_DISABLED = "webhook_disabled", _("Webhook switched off")
        DATA_EXPORTED = "data_exported", _("Data exported")
        ACCOUNT_DELETED = "account_deleted", _("Account deleted")
        REGISTERED = "registered", _("Provider registered")
        REGISTRATION_CHANGED = "registration_changed", _("Provider registration changed")
        REGISTRATION_BROKEN = "registration_broken", _("Provider refuses our registration")
        ADMIN_ACTION = "admin_action", _("Done by an operator")

    #: What happens by itself and over and over; everything else is for the record, and kept for longer.
    ROUTINE: ClassVar = frozenset({Kind.REFRESHED, Kind.REFRESH_FAILED, Kind.RECOVERED, Kind.USED})

    kind = models.CharField(max_length=32, choices=Kind)
    actor = models.CharField(
        max_length=150, blank=True, help_text="Who did it: user name, task or command; empty: the hub."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Whose activity it is; null: the hub's.",
    )
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="events")
    registration = models.ForeignKey(ClientRegistration, on_delete=models.SET_NULL, null=True, related_name="events")
    ip = models.GenericIPAddressField(null=True)
    details = models.JSONField(default=dict, help_text="No secrets.")
    created_at = models.DateTimeField(db_default=Now())

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=("connection", "-id"), name="event_by_connection"),
            models.Index(fields=("owner", "-id"), name="event_by_owner"),
            models.Index(fields=("kind", "-id"), name="event_by_kind"),
        ]
        permissions: ClassVar = [("export_event", "Can export events")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("an event is never changed")
        super().save(*args, **kwargs)
