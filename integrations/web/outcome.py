"""What the last way to a provider and back changed on a connection, told from what was stored then and is true now."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from integrations.models import Connection, Event
from integrations.providers import PROVIDERS
from integrations.web.presentation import (
    FeatureRow,
    ScopeRow,
    feature_rows,
    provider_name,
    scope_rows,
)

KINDS = (Event.Kind.CONNECTED, Event.Kind.RECONNECTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Which features are on; which were asked for and are off, which were on before; what was granted unasked."""

    title: str
    provider: str
    on: Sequence[FeatureRow]
    missing: Sequence[FeatureRow]
    lost: Sequence[FeatureRow]
    unexpected: Sequence[ScopeRow]

    @property
    def off(self) -> Sequence[FeatureRow]:
        """What can be asked for again."""
        return [*self.missing, *(feature for feature in self.lost if feature not in self.missing)]

    @property
    def in_one_line(self) -> str:
        titles = ", ".join(feature.title for feature in self.on)
        return gettext("%(title)s On now: %(features)s.") % {"title": self.title, "features": titles}


def outcome_of(connection: Connection) -> Outcome | None:
    """What to tell of a connection that works; None where nothing was stored that could be told."""
    provider = PROVIDERS.get(connection.registration.provider)
    event = connection.events.filter(kind__in=KINDS).first()
    if provider is None or event is None or connection.status != Connection.Status.ACTIVE:
        return None
    rows = feature_rows(provider, granted=connection.scope)
    off = [row for row in rows if not row.is_on]
    name = provider_name(connection.registration)
    updated = event.kind == Event.Kind.RECONNECTED
    lost = [row for row in off if row.slug in _texts(event, "lost")]
    title = (
        gettext("Your connection to %(provider)s was updated.") if updated else gettext("%(provider)s is connected.")
    )
    return Outcome(
        title=title % {"provider": name},
        provider=name,
        on=[row for row in rows if row.is_on],
        missing=[row for row in off if row.slug in _texts(event, "asked") and row not in lost],
        lost=lost,
        unexpected=scope_rows(provider, _texts(event, "unexpected")),
    )


def _texts(event: Event, name: str) -> Sequence[str]:
    return [str(text) for text in event.details.get(name, ())]
