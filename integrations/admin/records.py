"""What runs and waits: sweeps, revocations, accounts. Nothing here can be changed."""

from django.contrib import admin
from django.utils.safestring import SafeString

from integrations.admin.read_only import ReadOnlyAdmin, pretty
from integrations.models import AccountClosure, PendingRevocation, ProviderStanding, SweepRun


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "finished_at", "ending", "worker", "summary")
    list_filter = ("ended",)
    list_select_related = ()
    fields = (
        *("started_at", "seen_at", "finished_at", "ending", "worker", "provider"),
        *("shown_counts", "shown_providers", "shown_circuits"),
    )

    @admin.display(description="ended", ordering="ended")
    def ending(self, run: SweepRun) -> str:
        return run.get_ended_display()

    @admin.display(description="counts")
    def summary(self, run: SweepRun) -> str:
        return ", ".join(f"{outcome} {count}" for outcome, count in run.counts.items()) or "-"

    @admin.display(description="counts")
    def shown_counts(self, run: SweepRun) -> SafeString | str:
        return pretty(run.counts)

    @admin.display(description="by provider")
    def shown_providers(self, run: SweepRun) -> SafeString | str:
        return pretty(run.by_provider)

    @admin.display(description="providers left alone")
    def shown_circuits(self, run: SweepRun) -> SafeString | str:
        return pretty(run.circuits)


@admin.register(ProviderStanding)
class ProviderStandingAdmin(ReadOnlyAdmin):
    list_display = ("endpoint", "registration", "reason", "error_code", "since", "until", "openings")
    list_filter = ("reason", "registration__provider")
    list_select_related = ("registration",)
    search_fields = ("endpoint", "registration__slug")
    search_help_text = "Endpoint or registration"
    fields = (*list_display, "variables", "probe_until", "next_request_at")


@admin.register(PendingRevocation)
class PendingRevocationAdmin(ReadOnlyAdmin):
    list_display = ("connection", "registration", "attempts", "next_attempt_at", "last_error_code", "created_at")
    list_filter = ("registration__provider", "last_error_code")
    list_select_related = ("connection", "registration")
    fields = list_display


@admin.register(AccountClosure)
class AccountClosureAdmin(ReadOnlyAdmin):
    list_display = ("user", "started_at", "operator")
    list_select_related = ("user",)
    fields = list_display
