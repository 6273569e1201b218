"""allauth's forms in our words: a label that stays in place of a placeholder that goes, help where it helps."""

from collections.abc import Iterator
from contextlib import contextmanager
from struct import error
from typing import Any, ClassVar

from allauth.account import forms as account
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

type Words = dict[str, Any]

NAME_LENGTH = 80
NONSENSE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError, error)
NEW_PASSWORD = _("At least 8 characters. Not only digits, not a common password, not like your name.")


class InOurWords(forms.Form):
    """Mixed in before one of allauth's forms."""

    labels: ClassVar[Words] = {}
    helps: ClassVar[Words] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.helps.get(name, "")


class LoginForm(InOurWords, account.LoginForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"login": _("Username or e-mail address"), "password": _("Password")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attributes = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "maxlength": "320"}
        self.fields["login"].widget.attrs.update(attributes)
        if not self.is_bound:
            self.fields["login"].widget.attrs["autofocus"] = True


class SignupForm(InOurWords, account.SignupForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {
        "username": _("Username"),
        "email": _("E-mail address"),
        "password1": _("Password"),
        "password2": _("The same password again"),
    }
    helps: ClassVar[Words] = {
        "username": _("Letters, digits and @ . + - _ only."),
        "email": _("You get a link to verify it."),
        "password1": NEW_PASSWORD,
    }


class ReauthenticateForm(InOurWords, account.ReauthenticateForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"password": _("Password")}


class ChangePasswordForm(InOurWords, account.ChangePasswordForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("The new password again"),
    }
    helps: ClassVar[Words] = {"password1": NEW_PASSWORD}


class SetPasswordForm(InOurWords, account.SetPasswordForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"password1": _("Password"), "password2": _("The same password again")}
    helps: ClassVar[Words] = {"password1": NEW_PASSWORD}


class ResetPasswordForm(InOurWords, account.ResetPasswordForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"email": _("E-mail address")}


class ResetPasswordKeyForm(InOurWords, account.ResetPasswordKeyForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"password1": _("New password"), "password2": _("The new password again")}
    helps: ClassVar[Words] = {"password1": NEW_PASSWORD}


class AddEmailForm(InOurWords, account.AddEmailForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"email": _("E-mail address")}


class CodeForm(InOurWords):
    """A code is read from another screen and typed: the digits come up, and no old code is offered."""

    labels: ClassVar[Words] = {"code": _("Code")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.update({"inputmode": "numeric", "maxlength": "32", "spellcheck": "false"})


class AuthenticateForm(CodeForm, mfa.AuthenticateForm):  # type: ignore[misc]
    helps: ClassVar[Words] = {"code": _("From your authenticator app, or one of your recovery codes.")}


class ConfirmByCodeForm(CodeForm, mfa.ReauthenticateForm):  # type: ignore[misc]
    helps: ClassVar[Words] = {"code": _("From your authenticator app, or one of your recovery codes.")}


class ActivateAppForm(CodeForm, ActivateTOTPForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"code": _("Code that the app shows")}


class AddKeyForm(InOurWords, webauthn.AddWebAuthnForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {
        "name": _("Name of the key"),
        "passwordless": _("Sign in with this key instead of the password"),
    }
    helps: ClassVar[Words] = {
        "name": _("To tell your keys apart, such as the device that holds it."),
        "passwordless": _("Asks for your fingerprint, face or PIN each time. Without it, the key is a second step."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self.fields["name"])
        self.fields["passwordless"].initial = True

    def clean(self) -> dict[str, Any] | None:
        with refusing_nonsense():
            return super().clean()


class ByKey(forms.Form):
    """Mixed in before a form that is answered by a key."""

    def clean_credential(self) -> Any:
        with refusing_nonsense():
            return super().clean_credential()  # type: ignore[misc]


class LoginByKeyForm(ByKey, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    pass


class AuthenticateByKeyForm(ByKey, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class ConfirmByKeyForm(ByKey, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class EditKeyForm(InOurWords, webauthn.EditWebAuthnForm):  # type: ignore[misc]
    labels: ClassVar[Words] = {"name": _("Name of the key")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit(self.fields["name"])


def limit(name: forms.Field) -> None:
    name.widget.attrs["maxlength"] = str(NAME_LENGTH)
    name.validators.append(MaxLengthValidator(NAME_LENGTH))


@contextmanager
def refusing_nonsense() -> Iterator[None]:
    """Refuse a credential that fido2 stumbles over, of which allauth catches only some."""
    try:
        yield
    except NONSENSE:
        raise get_adapter().validation_error("incorrect_code") from None
