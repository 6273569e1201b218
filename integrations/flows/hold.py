"""HUB_HOLD_REFRESHES: a hub that must not act in the name of another one.

A copy of a hub, restored elsewhere to be looked at, holds the refresh tokens of the real one. Used at a provider that
rotates them, they would end the real one's grants; a revocation would end them at any provider. With the setting on,
nothing is refreshed, revoked or mailed, by whoever asks: what would be done waits in its row until the setting is off.
Access tokens that are still good can be used, and people can connect anew.
"""

from django.conf import settings

from integrations.oauth.errors import ProviderUnavailable

CODE = "refreshes_held"


def is_on() -> bool:
    """Whether this hub keeps still."""
    return bool(settings.HUB_HOLD_REFRESHES)


def require_off() -> None:
    """Stop a refresh on a hub that keeps still.

    Raises:
        ProviderUnavailable: it may be tried again when an operator says so.
    """
    if is_on():
        raise ProviderUnavailable("This hub is on hold and refreshes nothing.", code=CODE, retry_after=300)
