"""What the address and the form of an admin list may ask the database."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ActionLocation, IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

FILTER_SUFFIXES = ("", "__exact", "__isnull", "__id__exact")


class GuardedList(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that is filtered by what it offers and nothing else, and calls nonsense nonsense.

    Django lets staff filter by any column of the model, so also guess a sealed value letter by letter.
    `linked_lookups` are filters that a link elsewhere uses and the list does not offer.
    """

    linked_lookups: tuple[str, ...] = ()

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
        response: HttpResponse | None = super().response_action(request, queryset, action_location=action_location)
        return response

    def _offered_lookups(self, request: HttpRequest) -> Iterator[str]:
        for offered in self.get_list_filter(request):
            yield from (f"{offered}{suffix}" for suffix in FILTER_SUFFIXES)

    def _may_be_a_key(self, value: str) -> bool:
        try:
            self.opts.pk.clean(value, None)
        except ValidationError:
            return False
        return True
