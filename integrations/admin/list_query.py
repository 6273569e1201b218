"""What the address and the form of an admin list may ask the database."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ActionLocation, IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from integrations.flows.events import record
from integrations.models import Event

FILTER_SUFFIXES = ("", "__exact", "__isnull", "__id__exact")


class GuardedList(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that is filtered by what it offers and nothing else, and calls nonsense nonsense.

    Django lets staff filter by any column of the model, so also guess a sealed value letter by letter.
    `linked_lookups` are filters that a link elsewhere uses and the list does not offer.
    """

    linked_lookups: tuple[str, ...] = ()
    #: Whether flows record the events of what is done here; else each change is told as what an operator did.
    told_by_flows = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in (*self._offered_lookups(request), *self.linked_lookups)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Django's, where a value that the database cannot compare is the asker's mistake."""
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> HttpResponse | None:
        if not all(map(self._may_be_a_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            self.message_user(request, "The selection cannot be read. Nothing was changed.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        act = partial(super().response_action, request, queryset, action_location=action_location)
        if self.told_by_flows or "delete_selected" not in request.POST.getlist("action"):
            response: HttpResponse | None = act()
            return response
        # What is deleted and what is told of it, in one transaction.
        with transaction.atomic():
            return act()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Django's; a key that no row can have belongs to none, and is not asked of the database."""
        if from_field is None and not self._may_be_a_key(object_id):
            return None
        return super().get_object(request, object_id, from_field)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Django's, which tells anybody on the staff whether a row is there."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._tell(request, "added", [obj.pk], message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._tell(request, "changed", [obj.pk], message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        self._tell(request, "deleted", [row.pk for row in queryset], "")
        return super().log_deletions(request, queryset)

    def _tell(self, request: HttpRequest, what: str, keys: Sequence[object], message: object) -> None:
        """An event for each row, in the transaction of the change: which fields, and never what is in them."""
        if self.told_by_flows:
            return
        for key in keys:
            details = {"action": what, "object": f"{self.opts.label_lower} {key}", "fields": _fields_of(message)}
            record(Event.Kind.ADMIN_ACTION, actor=request.user.get_username(), details=details)

    def _offered_lookups(self, request: HttpRequest) -> Iterator[str]:
        for offered in self.get_list_filter(request):
            if isinstance(offered, str):
                yield from (f"{offered}{suffix}" for suffix in FILTER_SUFFIXES)
            elif isinstance(offered, type) and issubclass(offered, admin.SimpleListFilter):
                yield str(offered.parameter_name)
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day"))

    def _may_be_a_key(self, value: str) -> bool:
        field: Any = self.opts.pk
        while field.remote_field:
            field = field.target_field
        try:
            field.clean(value, None)
        except ValidationError:
            return False
        return True


def _fields_of(message: object) -> list[str]:
    """The labels of the fields that a change message of Django's names."""
    parts = message if isinstance(message, list) else []
    return sorted(
        {str(name) for part in parts if isinstance(part, dict) for changed in part.values() for name in _names(changed)}
    )


def _names(changed: object) -> Sequence[object]:
    names = changed.get("fields", ()) if isinstance(changed, dict) else ()
    return names if isinstance(names, list | tuple) else ()
