"""What a person chooses for themselves: mail and language."""

from integrations.models import Preferences


def choose_mail(user_id: int, *, needs_you: bool, connected: bool) -> None:
    """Which mail they want; what waits to be sent and is not wanted any more is dropped when its turn comes."""
    chosen = {"mail_needs_you": needs_you, "mail_connected": connected}
    Preferences.objects.update_or_create(user_id=user_id, defaults=chosen)


def choose_language(user_id: int, *, language: str) -> None:
    """Their language everywhere and in mail; the empty text: as the browser asks, and the hub's own in mail."""
    Preferences.objects.update_or_create(user_id=user_id, defaults={"language": language})


def preferences_of(user_id: int) -> Preferences:
    """What they chose, or what holds for who chose nothing."""
    return Preferences.objects.filter(pk=user_id).first() or Preferences(user_id=user_id)
