"""Signing in, where the hub differs from allauth: who may sign up, where next may lead, which words, which mail."""

import logging
from smtplib import SMTPException
from typing import Any, ClassVar
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.mail.frame import html_of
from integrations.templatetags.sign_in import device
from integrations.web.addresses import LONG_PATH_LIMIT, safe_path
from integrations.web.language import recall
from integrations.web.visitor import client_address

ADDRESSES_IN_MAIL = ("activate_url", "password_reset_url", "signup_url")
WRONG_PASSWORD = _("The name or the password is not right. Check both and try again.")

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Keep sign-up closed unless HUB_OPEN_SIGN_UP opens it: an operator makes the accounts."""

    error_messages: ClassVar[dict[str, str | Promise]] = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG_PASSWORD,
        "email_password_mismatch": WRONG_PASSWORD,
        "incorrect_password": _("The password is not right."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_code": _("This code is not right, or is out of date. Enter a new one."),
        "too_many_login_attempts": _("Too many attempts. Wait five minutes, then try again."),
        "rate_limited": _("Too many attempts. Wait five minutes, then try again."),
        "duplicate_email": _("This address is on your account already."),
        "email_taken": _("This address cannot be used. Enter another one."),
        "username_taken": _("This username is taken. Choose another one."),
        "max_email_addresses": _("You cannot have more than %d addresses."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.HUB_OPEN_SIGN_UP)

    def is_safe_url(self, url: str | None) -> bool:
        """Hold `next` to the rule of all our pages, which is stricter: a path of this site and nothing that hides."""
        return bool(safe_path(url or "", limit=LONG_PATH_LIMIT))

    def login(self, request: HttpRequest, user: User) -> None:
        """Speak their language from the next page on, whatever this browser asked for."""
        super().login(request, user)
        recall(request, user.pk)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Count attempts by the address that the hub's own records name."""
        address = client_address(request)
        if not address:
            raise PermissionDenied
        return address

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return settings.LOGIN_REDIRECT_URL

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Lead to SITE_URL, whatever Host the request claimed that made us send this.

        A mail that cannot be sent is logged: the page must not tell by an error whose address the hub knows, and what
        a notice is about has happened and is not undone.
        """
        ours = {name: _on_this_site(context[name]) for name in ADDRESSES_IN_MAIL if name in context}
        of_the_hub = {"site_url": settings.SITE_URL, "open_sign_up": settings.HUB_OPEN_SIGN_UP}
        try:
            super().send_mail(template_prefix, email, {**context, **ours, **of_the_hub})
        except (SMTPException, OSError) as error:
            # The exception of a refused recipient holds the address, and the mail a link that signs in.
            logger.error("mail not sent", extra={"template": template_prefix, "error": type(error).__name__})  # noqa: TRY400

    def render_mail(
        self, template_prefix: str, email: str, context: dict[str, Any], headers: dict[str, str] | None = None
    ) -> EmailMultiAlternatives:
        """Make the HTML of the text."""
        message: EmailMultiAlternatives = super().render_mail(template_prefix, email, context, headers)
        links = [context[name] for name in ADDRESSES_IN_MAIL if name in context]
        html = html_of(str(message.body), subject=str(message.subject), links=links)
        message.attach_alternative(html, "text/html")
        return message


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, in our words."""

    error_messages: ClassVar[dict[str, str | Promise]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("That did not work: it is not right, was used before or is out of date. Try a new one."),
        "add_email_blocked": _("With two-step sign-in on, you cannot add an address. Turn it off first."),
        "unverified_email": _("Verify your e-mail addresses first, or remove those that you cannot verify."),
    }

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """Suggest the name of the device in hand."""
        return device(context.request.headers.get("User-Agent", ""))

    def _get_site_name(self) -> str:
        return "Integration Hub"


def _on_this_site(url: str) -> str:
    return f"{settings.SITE_URL}{urlsplit(url).path}"
