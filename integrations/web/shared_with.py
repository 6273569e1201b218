"""The applications that may use a connection, and what each may do with it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from integrations.flows.allow import UNASKED
from integrations.flows.named import told_apart
from integrations.models import Connection
from integrations.models.person import application_names
from integrations.providers.provider import Provider
from integrations.web.wording import said


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedWith:
    """An application, and the features that it may use. `is_known`: it has a page of its own at this hub."""

    client_id: str
    name: str
    features: tuple[str, ...]
    is_known: bool


def shared_with(connection: Connection, provider: Provider | None) -> tuple[SharedWith, ...]:
    """What its owner allowed, by the application's name; two queries, one where nothing is allowed."""
    rules = list(connection.allowances.filter(person=connection.owner_id))
    names = application_names([rule.client_id for rule in rules if not rule.issuer]) if rules else {}
    titles = {feature.slug: said(feature.title) for feature in provider.features} if provider else {}
    titles[UNASKED] = _("what was granted unasked")
    found = (
        SharedWith(
            client_id=rule.client_id,
            name=told_apart(names.get(rule.client_id, ""), rule.client_id),
            features=tuple(titles[slug] for slug in titles if slug in rule.features),
            is_known=not rule.issuer and rule.client_id in names,
        )
        for rule in rules
    )
    return tuple(sorted(found, key=lambda shared: (shared.name.lower(), shared.client_id)))
