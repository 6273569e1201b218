"""Who may sign up, and what becomes of a mail that cannot be sent."""

import logging
import smtplib

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Keep sign-up closed unless HUB_OPEN_SIGN_UP opens it: an operator makes the accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.HUB_OPEN_SIGN_UP)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        """Send, or log that it failed: the page must not tell by an error whose address the hub knows."""
        try:
            super().send_mail(template_prefix, email, context)
        except (smtplib.SMTPException, OSError) as error:
            # The exception of a refused recipient holds the address, and the mail a link that signs in.
            logger.error("mail not sent", extra={"template": template_prefix, "error": type(error).__name__})  # noqa: TRY400
