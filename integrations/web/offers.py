"""What can be connected, as the catalogue page shows it; for operators, what they could set up, too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from integrations.models import ClientRegistration
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.providers.provider import Provider
from integrations.web.addresses import safe_path, with_next
from integrations.web.instances import host_of, told_apart
from integrations.web.search import folded, matches
from integrations.web.wording import said

SEARCH_LIMIT = 100
#: As many can be seen at one glance.
SEARCH_FROM = 6

CATEGORIES: Mapping[str, object] = {
    "commerce": _("Shops"),
    "communication": _("Chat and calls"),
    "crm": _("Customers"),
    "demo": _("To try out"),
    "development": _("Development"),
    "files": _("Files"),
    "generic": _("Your own service"),
    "media": _("Music and media"),
    "office": _("Mail and office"),
    "projects": _("Projects"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferCard:
    """A service, where its card leads, and how often the person has connected it; `english` finds it, too.

    `instance` tells several registrations of the service apart.
    """

    provider: str
    name: str
    description: str
    english: str
    categories: tuple[str, ...]
    address: str
    host: str = ""
    instance: str = ""
    connected: int = 0
    connected_address: str = ""
    note: str = ""

    def matches(self, words: str) -> bool:
        """Whether every word is somewhere on the card."""
        titles = map(category_title, self.categories)
        texts = (self.name, self.description, self.host, self.instance, *titles, self.provider, self.english)
        return matches(words, *texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A category to choose; the empty one is all."""

    label: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Offers:
    """The catalogue as one person sees it; `next_path` is where they go on when something is connected."""

    words: str
    category: str
    cards: tuple[OfferCard, ...]
    not_set_up: tuple[OfferCard, ...]
    chips: tuple[Chip, ...]
    total: int
    next_path: str = ""

    @property
    def can_be_searched(self) -> bool:
        return self.total >= SEARCH_FROM or bool(self.words or self.category)

    @property
    def address(self) -> str:
        return _address(self.words, self.category, self.next_path)


def offers(user: User, query: QueryDict) -> Offers:
    """What a query string asks for: words and a category; an unknown category counts as none."""
    next_path = safe_path(query.get("next", ""))
    words = printable(query.get("q", ""), limit=SEARCH_LIMIT)
    registrations = list(ClientRegistration.objects.filter(provider__in=PROVIDERS))
    offered = _offered(user, registrations, next_path=next_path)
    missing = _not_set_up(user, registrations)
    known = {category for card in (*offered, *missing) for category in card.categories}
    category = query.get("category", "")
    category = category if category in known else ""
    return Offers(
        words=words,
        category=category,
        cards=_chosen(offered, words, category),
        not_set_up=_chosen(missing, words, category),
        chips=_chips(known, words, category, next_path),
        total=len(offered) + len(missing),
        next_path=next_path,
    )


def category_title(category: str) -> str:
    """A category in words; one without words of its own, as the catalogue spells it."""
    return str(CATEGORIES.get(category, category.capitalize()))


def _offered(user: User, registrations: Iterable[ClientRegistration], *, next_path: str) -> list[OfferCard]:
    """What is switched on; a registration that is off counts when others are told apart from it, as everywhere."""
    counts = user.connections.visible().order_by().values_list("registration").annotate(Count("pk"))
    connected, instances = dict(counts), told_apart(registrations)
    cards = []
    for registration in registrations:
        if not registration.enabled:
            continue
        provider, slug = PROVIDERS[registration.provider], registration.slug
        one = f"{provider.slug}/{slug}" if slug in instances else provider.slug
        cards.append(
            OfferCard(
                provider=provider.slug,
                name=provider.name,
                description=said(provider.description),
                english=_english(provider),
                categories=provider.categories,
                address=with_next(reverse("integrations:provider", args=(slug,)), next_path=next_path),
                host=host_of(registration),
                instance=instances.get(slug, ""),
                connected=connected.get(registration.pk, 0),
                connected_address=f"{reverse('integrations:connections')}?{urlencode({'provider': one})}",
            )
        )
    return cards


def _not_set_up(user: User, registrations: Iterable[ClientRegistration]) -> list[OfferCard]:
    """Providers without a registration that is switched on, for who may change that."""
    if not (user.is_staff and user.has_perm("integrations.add_clientregistration")):
        return []
    on = {registration.provider for registration in registrations if registration.enabled}
    off = {registration.provider: registration for registration in registrations if not registration.enabled}
    may_change = user.has_perm("integrations.change_clientregistration")
    cards = []
    for provider in PROVIDERS.values():
        if provider.slug in on or (provider.slug in off and not may_change):
            continue
        if "demo" in provider.categories and not settings.HUB_SANDBOX:
            continue
        there = off.get(provider.slug)
        if there:
            address = reverse("admin:integrations_clientregistration_change", args=(there.pk,))
        else:
            query = urlencode({"provider": provider.slug})
            address = f"{reverse('admin:integrations_clientregistration_add')}?{query}"
        cards.append(
            OfferCard(
                provider=provider.slug,
                name=provider.name,
                description=said(provider.description),
                english=_english(provider),
                categories=provider.categories,
                address=address,
                note=str(_("Switched off") if there else ""),
            )
        )
    return cards


def _english(provider: Provider) -> str:
    """What a card says to who reads English, as many do who read the hub in another language."""
    with override(settings.LANGUAGE_CODE):
        return " ".join((said(provider.description), *map(category_title, provider.categories)))


def _chosen(cards: Iterable[OfferCard], words: str, category: str) -> tuple[OfferCard, ...]:
    found = (card for card in cards if card.matches(words) and category in (*card.categories, ""))
    return tuple(sorted(found, key=lambda card: (folded(card.name), card.instance, card.address)))


def _chips(categories: Iterable[str], words: str, chosen: str, next_path: str) -> tuple[Chip, ...]:
    titles = sorted((category_title(category), category) for category in categories)
    return tuple(
        Chip(label=title, address=_address(words, category, next_path), is_chosen=category == chosen)
        for title, category in ((str(_("All")), ""), *titles)
    )


def _address(words: str, category: str, next_path: str) -> str:
    given = (("q", words), ("category", category), ("next", next_path))
    query = urlencode({name: value for name, value in given if value})
    return reverse("integrations:catalogue") + (f"?{query}" if query else "")
