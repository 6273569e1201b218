"""Several registrations of one provider, told apart: by the host where a person agrees, or by the operator's slug."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from integrations.models import ClientRegistration
from integrations.web.presentation import authorization_origin


def instance_names(*, providers: Collection[str]) -> dict[str, str]:
    """What `told_apart` says of all registrations of some providers. One query, none without providers."""
    return told_apart(ClientRegistration.objects.filter(provider__in=providers)) if providers else {}


def told_apart(registrations: Iterable[ClientRegistration]) -> dict[str, str]:
    """What to say beside the provider's name, by the registration's slug; nothing for the only one of a provider."""
    of_provider = defaultdict(list)
    for registration in registrations:
        of_provider[registration.provider].append(registration)
    names: dict[str, str] = {}
    for several in of_provider.values():
        if len(several) > 1:
            names |= _names_of(several)
    return names


def instance_name(registration: ClientRegistration) -> str:
    """What to say beside the provider's name on a page about this registration; empty where it is the only one."""
    return instance_names(providers=(registration.provider,)).get(registration.slug, "")


def host_of(registration: ClientRegistration) -> str:
    """The host where a person agrees; the empty text while the registration is not complete."""
    return authorization_origin(registration).partition("://")[2]


def _names_of(several: Collection[ClientRegistration]) -> dict[str, str]:
    hosts = {registration.slug: host_of(registration) for registration in several}
    times = Counter(hosts.values())
    return {slug: host if host and times[host] == 1 else slug for slug, host in hosts.items()}
