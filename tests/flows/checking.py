"""A check-up at the fake provider, and what it found by code."""

from collections.abc import Mapping

from integrations.flows.check_finding import Finding
from integrations.flows.check_registration import Checked, Options, check_many
from integrations.models import ClientRegistration
from integrations.oauth.transport import Transport
from tests.clock import Clock


def check(
    registration: ClientRegistration,
    clock: Clock,
    *,
    variables: Mapping[str, str] | None = None,
    transport: Transport | None = None,
) -> Checked:
    options = Options(variables=variables or {}, transport=transport)
    (checked,) = check_many([ClientRegistration.objects.get(pk=registration.pk)], clock=clock, options=options)
    return checked


def codes(checked: Checked) -> list[str]:
    return [finding.code for finding in checked.findings]


def one(checked: Checked, code: str) -> Finding:
    """The finding of this code, of which there is one."""
    (finding,) = [finding for finding in checked.findings if finding.code == code]
    return finding


def change(registration: ClientRegistration, **columns: object) -> None:
    """Columns as nobody would have saved them."""
    ClientRegistration.objects.filter(pk=registration.pk).update(**columns)
