"""The button and the page "Check this registration"."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from integrations.admin.read_only import FlowAdmin
from integrations.flows.check_finding import Finding, Level
from integrations.flows.check_registration import Options, check_machine, check_many, questions
from integrations.models import ClientRegistration
from integrations.providers import Variable, VariableRefused

TEMPLATE = "admin/integrations/clientregistration/check.html"
PERMISSION = "integrations.check_clientregistration"


class CheckUp(FlowAdmin):
    """What the admin of registrations gets: an address of its own for each registration's check-up."""

    change_form_template = "admin/integrations/clientregistration/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.check_view)
        return [path("<int:pk>/check/", view, name="integrations_clientregistration_check"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        offered = {
            "may_check": request.user.has_perm(PERMISSION),
            "may_see_attempts": request.user.has_perm("integrations.view_attempt"),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **offered})

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what will be done; do it on POST, and show what was found."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        row = ClientRegistration.objects.filter(pk=pk).first()
        if row is None:
            raise Http404
        form = _form(row)(request.POST if request.method == "POST" else None)
        checked, machine = None, None
        if request.method == "POST" and form.is_valid():
            variables = {name: value for name, value in form.cleaned_data.items() if value}
            machine = check_machine()
            (checked,) = check_many([row], clock=timezone.now, options=Options(variables=variables))
            self.log_change(request, row, f"Checked at the provider: {_summed_up(checked.findings)}.")
        findings = _worst_first([machine, *checked.findings]) if checked and machine else []
        context = {
            **self.admin_site.each_context(request),
            "title": f"Check {row.slug}",
            "opts": self.opts,
            "registration": row,
            "form": form,
            "checked": checked,
            "findings": findings,
            "summary": _summed_up(findings),
        }
        return TemplateResponse(request, TEMPLATE, context)


def _form(row: ClientRegistration) -> type[forms.Form]:
    """What each person is asked, where that is so: without an answer, less can be checked."""
    fields: dict[str, object] = {variable.name: _field(variable) for variable in questions(row)}
    return type("CheckUpForm", (forms.Form,), fields)


def _field(variable: Variable) -> forms.Field:
    return forms.CharField(
        label=variable.title,
        help_text=f"{variable.help} Leave it empty to check what does not depend on it.",
        required=False,
        max_length=2000,
        validators=[partial(_fits, variable)],
        widget=AdminTextInputWidget(attrs={"placeholder": variable.example, "autocomplete": "off"}),
    )


def _fits(variable: Variable, value: str) -> None:
    try:
        variable.validate(value)
    except VariableRefused as refusal:
        raise ValidationError(refusal.help) from None


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    order = list(Level)
    return sorted(findings, key=lambda finding: -order.index(finding.level))


def _summed_up(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    return ", ".join(f"{counts[level]} {level}" for level in reversed(Level) if counts[level])
