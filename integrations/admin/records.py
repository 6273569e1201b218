"""What runs and waits: sweeps, revocations, accounts. Nothing here can be changed."""

from django.contrib import admin
from django.utils.safestring import SafeString

from integrations.admin.read_only import ReadOnlyAdmin, pretty
from integrations.models import AccountClosure, PendingRevocation, SweepRun


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "finished_at", "summary")
    list_select_related = ()
    fields = ("started_at", "finished_at", "shown_counts", "shown_providers")

    @admin.display(description="counts")
    def summary(self, run: SweepRun) -> str:
        return ", ".join(f"{outcome} {count}" for outcome, count in run.counts.items()) or "-"

    @admin.display(description="counts")
    def shown_counts(self, run: SweepRun) -> SafeString | str:
        return pretty(run.counts)

    @admin.display(description="by provider")
    def shown_providers(self, run: SweepRun) -> SafeString | str:
        return pretty(run.by_provider)


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
