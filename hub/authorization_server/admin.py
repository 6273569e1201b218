"""The toolkit's admin, narrowed: credentials have no page at all, a client's secret is never on one.

The toolkit shows the last characters of tokens and codes, and a client's stored secret in an input field.
"""

from typing import Any

from django.http import HttpRequest

from integrations.admin.list_query import GuardedList


class NoPage(GuardedList):
    """Nobody sees a row, lists one or learns that there are any; not even a superuser."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ApplicationAdmin(GuardedList):
    """Clients of the hub: what they may do, and where to; clients and their secrets are made by commands."""

    list_display = ("name", "client_id", "client_type", "authorization_grant_type", "user", "created")
    list_filter = ("client_type", "authorization_grant_type")
    list_select_related = ("user",)
    view_on_site = False
    search_fields = ("name", "client_id", "user__username")
    fields = (
        "name",
        "client_id",
        "user",
        "client_type",
        "authorization_grant_type",
        "redirect_uris",
        "created",
        "updated",
    )
    readonly_fields = ("client_id", "user", "client_type", "authorization_grant_type", "created", "updated")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
