"""Which of our forms stands in for which of allauth's. Read while settings.py runs: nothing here may import models."""

ACCOUNT = {
    "login": "hub.forms.LoginForm",
    "signup": "hub.forms.SignupForm",
    "reauthenticate": "hub.forms.ReauthenticateForm",
    "change_password": "hub.forms.ChangePasswordForm",
    "set_password": "hub.forms.SetPasswordForm",
    "reset_password": "hub.forms.ResetPasswordForm",
    "reset_password_from_key": "hub.forms.ResetPasswordKeyForm",
    "add_email": "hub.forms.AddEmailForm",
}
MFA = {
    "authenticate": "hub.forms.AuthenticateForm",
    "reauthenticate": "hub.forms.ConfirmByCodeForm",
    "activate_totp": "hub.forms.ActivateAppForm",
    "login_webauthn": "hub.forms.LoginByKeyForm",
    "authenticate_webauthn": "hub.forms.AuthenticateByKeyForm",
    "reauthenticate_webauthn": "hub.forms.ConfirmByKeyForm",
    "add_webauthn": "hub.forms.AddKeyForm",
    "edit_webauthn": "hub.forms.EditKeyForm",
}
