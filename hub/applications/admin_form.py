"""What an operator may change about an application, by the rule that its maker is held to."""

from django import forms
from django.core.exceptions import ValidationError
from oauth2_provider.models import Application

from hub.applications import redirect_uris
from hub.applications.kinds import GRANTS_WITHOUT_ADDRESS


class AdminForm(forms.ModelForm):  # type: ignore[type-arg]
    """An application's name and addresses; one that it has already is not judged again."""

    def clean_redirect_uris(self) -> str:
        given = list(dict.fromkeys(self.cleaned_data["redirect_uris"].split()))
        if not given and self.instance.authorization_grant_type not in GRANTS_WITHOUT_ADDRESS:
            raise ValidationError("This kind of application needs at least one address.")
        if len(given) > redirect_uris.LIMIT:
            raise ValidationError(f"At most {redirect_uris.LIMIT} addresses.")
        is_public = self.instance.client_type == Application.CLIENT_PUBLIC
        faults = redirect_uris.faults(given, kept=self.instance.redirect_uris.split(), loopback=is_public)
        if faults:
            raise ValidationError(faults)
        return " ".join(given)

    def _update_errors(self, errors: ValidationError) -> None:
        """All that the model finds but the toolkit's fault with addresses, to which the person's own machine is one."""
        errors.error_dict.pop("redirect_uris", None)
        if errors.error_dict:
            super()._update_errors(errors)  # type: ignore[misc]
