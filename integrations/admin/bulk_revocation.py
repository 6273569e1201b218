"""Bulk revocations: choose, read what will happen, confirm; then see how far it is, go on with it, or cancel."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from integrations.admin.actions import REASON_LENGTH, reason
from integrations.admin.bulk_form import SelectionForm
from integrations.admin.read_only import ReadOnlyAdmin
from integrations.flows import bulk_revoke
from integrations.flows.bulk_revoke import Preview
from integrations.flows.selection import Selection
from integrations.models import BulkRevocation

#: From so many connections on, their number is typed in, and a click is not enough.
LARGE = 100
QUICK = timedelta(seconds=3)
DIGITS = 18


@admin.register(BulkRevocation)
class BulkRevocationAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "actor", "reason", "total", "wiped", "failed", "state")
    list_select_related = ()
    fields = ("started_at", "actor", "reason", "total", "wiped", "failed", "state")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "integrations_bulkrevocation"
        own = [
            path("begin/", wrap(self.begin_view), name=f"{name}_begin"),
            path("<int:pk>/progress/", wrap(require_safe(self.progress_view)), name=f"{name}_progress"),
            path("<int:pk>/step/", wrap(require_POST(self.step_view)), name=f"{name}_step"),
            path("<int:pk>/cancel/", wrap(require_POST(self.cancel_view)), name=f"{name}_cancel"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        more = {"may_begin": may_begin(request)}
        return super().changelist_view(request, more | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The row's page is the one that shows how far it is."""
        order = self.get_object(request, object_id)
        if order is None or request.method == "POST" or not self.has_view_permission(request, order):
            return super().change_view(request, object_id, form_url, extra_context)
        return redirect("admin:integrations_bulkrevocation_progress", order.pk)

    @admin.display(description="state")
    def state(self, order: BulkRevocation) -> str:
        if order.cancelled_at:
            return "Cancelled"
        return "Finished" if order.finished_at else "Under way"

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Ask what; with an answer, say what will happen; with a confirmed one, order it."""
        if not may_begin(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        asked = request.POST if request.method == "POST" else request.GET
        form = SelectionForm(asked) if asked else SelectionForm()
        if not form.is_bound or not form.is_valid():
            return self._page(request, form)
        selection = form.selection()
        found = bulk_revoke.preview(selection, now=timezone.now())
        if request.method != "POST":
            return self._page(request, form, found=found)
        missing = _missing(request, found)
        if missing:
            return self._page(request, form, found=found, missing=missing, status=400)
        try:
            return self._begin(request, selection, found)
        except bulk_revoke.SelectionChanged:
            found = bulk_revoke.preview(selection, now=timezone.now())
            return self._page(request, form, found=found, missing=_changed(found), status=400)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        order = self._order(request, pk)
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        waiting = bulk_revoke.waiting(order)
        context = {
            **self.admin_site.each_context(request),
            "title": "Bulk revocation",
            "opts": self.opts,
            "order": order,
            "state": self.state(order),
            "waiting": waiting,
            "waiting_total": sum(row.count for row in waiting),
            "more_failed": order.failed - len(order.failures),
            "may_act": may_act(request),
        }
        response = TemplateResponse(request, "admin/integrations/bulkrevocation/progress.html", context)
        response.headers["Cache-Control"] = "no-store, private"
        return response

    def step_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Work on it for as long as a request may take; the page's script asks for less, to show more often."""
        if not may_act(request):
            raise PermissionDenied
        order = self._order(request, pk)
        budget = QUICK if "quick" in request.POST else bulk_revoke.BUDGET
        bulk_revoke.go_on(order.pk, clock=timezone.now, budget=budget)
        return redirect("admin:integrations_bulkrevocation_progress", order.pk)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not may_act(request):
            raise PermissionDenied
        order = self._order(request, pk)
        if bulk_revoke.cancel(order.pk, actor=request.user.get_username(), now=timezone.now()):
            self.log_change(request, order, "Cancelled.")
            messages.success(request, "Cancelled. What was not reached stays connected.")
        else:
            messages.warning(request, "It was over already.")
        return redirect("admin:integrations_bulkrevocation_progress", order.pk)

    def _begin(self, request: HttpRequest, selection: Selection, found: Preview) -> HttpResponse:
        why, actor = reason(request), request.user.get_username()
        order = bulk_revoke.begin(selection, reason=why, actor=actor, now=timezone.now(), confirmed=found.mark)
        self.log_addition(request, order, f"{order.total} connections. Reason: {why}")
        return redirect("admin:integrations_bulkrevocation_progress", order.pk)

    def _page(self, request: HttpRequest, form: SelectionForm, *, status: int = 200, **more: Any) -> HttpResponse:
        found = more.get("found")
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke many connections",
            "opts": self.opts,
            "form": form,
            "asked": [(name, form.data[name]) for name in form.fields if form.data.get(name)],
            "reason": reason(request),
            "reason_length": REASON_LENGTH,
            "is_large": bool(found and found.total > LARGE),
            **more,
        }
        return TemplateResponse(request, "admin/integrations/bulkrevocation/begin.html", context, status=status)

    def _order(self, request: HttpRequest, pk: int) -> BulkRevocation:
        """Raises Http404, to whoever may see such rows; the others learn nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        order = BulkRevocation.objects.filter(pk=pk).first() if len(str(pk)) <= DIGITS else None
        if order is None:
            raise Http404
        return order


def may_begin(request: HttpRequest) -> bool:
    """Ordering one is more than acting on a connection, and needs both permissions."""
    return request.user.has_perms(("integrations.add_bulkrevocation", "integrations.change_connection"))


def may_act(request: HttpRequest) -> bool:
    """Going on with one, or cancelling it."""
    return request.user.has_perm("integrations.change_bulkrevocation")


def _missing(request: HttpRequest, found: Preview) -> str:
    """What keeps a confirmation from being one."""
    total = found.total
    if not total:
        return "There is nothing to revoke."
    if request.POST.get("seen") != found.mark:
        return _changed(found)
    if not reason(request):
        return "Say why; the reason is kept with every connection."
    if total > LARGE and request.POST.get("typed", "").strip() != str(total):
        return f"Type the number of connections, {total}, to confirm."
    if request.POST.get("confirmed") != "yes":
        return "Confirm it with the button below."
    return ""


def _changed(found: Preview) -> str:
    return f"Other connections match than were shown to you: {found.total} now. Read again what will happen."
