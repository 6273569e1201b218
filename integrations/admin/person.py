"""People: as Django has them, but deleting one means the flow that ends their connections first."""

from collections.abc import Sequence

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import Action, ActionLocation
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator

from integrations.admin.actions import BUDGET, ROWS_AT_MOST, is_confirmed
from integrations.admin.list_query import GuardedList
from integrations.flows.close_account import LastSuperuser, close_account
from integrations.models.connection import ENDED

TEMPLATE = "admin/auth/user/close.html"

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(GuardedList, UserAdmin):  # type: ignore[type-arg]
    """Django's own deletion would stop at the connections, or forget tokens that live on at providers."""

    actions = ("close_accounts",)

    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Action | None]:
        offered = super().get_actions(request, action_location)
        return {name: action for name, action in offered.items() if name != "delete_selected"}

    @method_decorator(transaction.atomic)
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's, with what is told of it in the same transaction."""
        response: HttpResponse = super().user_change_password(request, id, form_url)
        return response

    def has_close_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("auth.delete_user")

    @admin.action(description="Close and delete accounts", permissions=["close"])
    def close_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        people = self._closable(request, queryset)
        if not people:
            messages.warning(request, "None of the selected accounts can be closed from here.")
            return None
        if not is_confirmed(request):
            return self._confirmation(request, people, skipped=queryset.count() - len(people))
        self._close(request, people)
        return None

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Ask, as the action does; whoever confirms goes through the flow."""
        if not self.has_close_permission(request):
            raise PermissionDenied
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404
        asked = None
        if request.method != "POST":
            asked = self.close_accounts(request, User.objects.filter(pk=person.pk))
        return asked or redirect("admin:auth_user_changelist")

    def _closable(self, request: HttpRequest, queryset: QuerySet[User]) -> list[User]:
        """Nobody closes their own account here, nor that of somebody who may do more than they."""
        rows = queryset.exclude(username=request.user.get_username())
        if not request.user.is_superuser:
            rows = rows.filter(is_superuser=False)
        held = Count("connections", filter=~Q(connections__status__in=ENDED))
        return list(rows.annotate(held=held).order_by("pk")[:ROWS_AT_MOST])

    def _confirmation(self, request: HttpRequest, people: Sequence[User], *, skipped: int) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Close and delete accounts",
            "opts": self.opts,
            "people": people,
            "skipped": skipped,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, TEMPLATE, context)

    def _close(self, request: HttpRequest, people: Sequence[User]) -> None:
        until = timezone.now() + BUDGET
        gone = waiting = 0
        for position, person in enumerate(people):
            if timezone.now() >= until:
                text = f"{len(people) - position} not reached in time; select them again to go on."
                messages.warning(request, text)
                break
            try:
                # What becomes of it is told by the flow, and its last event names nobody.
                super(GuardedList, self).log_change(request, person, "Account closed.")
                closed = close_account(person, operator=request.user.get_username(), clock=timezone.now)
            except LastSuperuser:
                messages.error(request, f"{person}: is the last superuser. Make somebody else one first.")
                continue
            gone, waiting = gone + closed.is_gone, waiting + (not closed.is_gone)
        if gone:
            messages.success(request, f"Deleted: {gone}.")
        if waiting:
            text = f"Closed: {waiting}. Their rows go when every provider was told; the sweep sees to it."
            messages.success(request, text)


@admin.register(Group)
class RoleAdmin(GuardedList, GroupAdmin):
    """Groups of people with permissions; three of them are made by migrations, as docs/roles.md says."""
