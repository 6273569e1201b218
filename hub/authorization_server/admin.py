"""The toolkit's admin, narrowed: credentials have no page at all. Of clients, see `hub.applications.application_admin`.

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
