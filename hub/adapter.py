"""Who may sign up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Keep sign-up closed unless HUB_OPEN_SIGN_UP opens it: an operator makes the accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.HUB_OPEN_SIGN_UP)
