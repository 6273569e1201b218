"""What operators see of people's second factors: that they exist. A secret, a recovery code or a key is on no page."""

from typing import Any

from allauth.account.admin import EmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.http import HttpRequest

from integrations.admin.list_query import GuardedList


class AddressAdmin(GuardedList, EmailAddressAdmin):  # type: ignore[misc]
    """allauth's page, where nonsense in the address or the selection is nonsense."""


class AuthenticatorAdmin(GuardedList):
    """For whoever lost a phone: an operator who has made sure who asks removes the second factor."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def narrow(site: admin.AdminSite) -> None:
    """Put this in the place of allauth's pages.

    Its page of an authenticator shows the secret in an editable field; its page of a session offers to delete a
    row, which would end nothing.
    """
    site.unregister([Authenticator, UserSession, EmailAddress])
    site.register(EmailAddress, AddressAdmin)
    site.register(Authenticator, AuthenticatorAdmin)
