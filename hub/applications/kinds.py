"""The kinds of application that somebody can register, in words and in the toolkit's terms."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import Application

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What an application is, and so what it can keep secret and how it gets a token."""

    slug: str
    title: "StrPromise"
    text: "StrPromise"
    client_type: str
    grant: str

    @property
    def has_secret(self) -> bool:
        return bool(self.client_type == Application.CLIENT_CONFIDENTIAL)

    @property
    def has_redirect_uris(self) -> bool:
        return bool(self.grant == Application.GRANT_AUTHORIZATION_CODE)

    @property
    def acts_for_itself(self) -> bool:
        return bool(self.grant == Application.GRANT_CLIENT_CREDENTIALS)


WEB = Kind(
    slug="web",
    title=_("Web application with a server"),
    text=_("Its server keeps a secret. People come back to an address of it after they allowed it."),
    client_type=Application.CLIENT_CONFIDENTIAL,
    grant=Application.GRANT_AUTHORIZATION_CODE,
)
PUBLIC = Kind(
    slug="public",
    title=_("On a phone, on a computer or at the command line"),
    text=_("It can keep no secret, so it gets none. People come back to an address of it, or on their own machine."),
    client_type=Application.CLIENT_PUBLIC,
    grant=Application.GRANT_AUTHORIZATION_CODE,
)
DEVICE = Kind(
    slug="device",
    title=_("Device or program without a browser"),
    text=_("It shows a code, which people type in on a page of this hub."),
    client_type=Application.CLIENT_PUBLIC,
    grant=Application.GRANT_DEVICE_CODE,
)
SERVICE = Kind(
    slug="service",
    title=_("Service that acts for itself"),
    text=_("No person is involved. It may do nothing until an operator opens connections of the hub itself to it."),
    client_type=Application.CLIENT_CONFIDENTIAL,
    grant=Application.GRANT_CLIENT_CREDENTIALS,
)
KINDS = {kind.slug: kind for kind in (WEB, PUBLIC, DEVICE, SERVICE)}
#: Nobody comes back to such an application, also to one that is none of these kinds: a device can have a secret.
GRANTS_WITHOUT_ADDRESS = frozenset(kind.grant for kind in KINDS.values() if not kind.has_redirect_uris)


def kind_of(application: Application) -> Kind | None:
    """Which kind an application is; None for what cannot be registered here."""
    of = (application.client_type, application.authorization_grant_type)
    return next((kind for kind in KINDS.values() if (kind.client_type, kind.grant) == of), None)
