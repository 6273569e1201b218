"""Texts of Django and allauth that reach our pages and that our translations say better, marked to be extracted.

In English they are left as they are. What their own translations say well, or in our tone, is not here.
"""

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext_lazy

BORROWED = (
    _("Enter a valid email address."),
    _("Invalid login."),
    _("Invalid or expired key."),
    _("Please select only one."),
    _("The email address is not assigned to any user account."),
    _("The new value must be different from the current one."),
    _("The password is too similar to the %(verbose_name)s."),
    _("The password reset token was invalid."),
    _("This account is currently inactive."),
    _("This field is required."),
    _("This password is entirely numeric."),
    _("This password is too common."),
    _("Use a security key"),
    _("Use authenticator app or code"),
    _("Use your password"),
    _("Username can not be used. Please use other username."),
    _("You cannot deactivate two-factor authentication."),
    _("You cannot generate recovery codes without having two-factor authentication enabled."),
    _("You cannot remove your primary email address."),
    _("You must type the same password each time."),
    _("Your primary email address must be verified."),
)
BORROWED_PLURALS = (
    ngettext_lazy(
        "Ensure this value has at least %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at least %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
    ngettext_lazy(
        "Ensure this value has at most %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at most %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
)
