"""Secrets of webhooks open where they belong alone, and go along when the sealing key changes or is lost."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from integrations import vault
from integrations.crypto import SealError, new_key, sealed_under
from integrations.flows import keys, lost_key
from integrations.flows.reseal import reseal
from integrations.models import Event, WebhookEndpoint
from tests.factories import make_user
from tests.lending import make_webhook_endpoint

pytestmark = pytest.mark.django_db
OLD, NEW = ("whsec_" + letters * 8 for letters in ("AAAA", "BBBB"))


def rotated(owner: User | None = None) -> WebhookEndpoint:
    endpoint = make_webhook_endpoint(secret=OLD, owner=owner)
    vault.replace_webhook_secret(endpoint, NEW, now=timezone.now())
    endpoint.save()
    return endpoint


def opened(endpoint: WebhookEndpoint) -> tuple[str, ...]:
    return vault.open_webhook_secrets(WebhookEndpoint.objects.get(pk=endpoint.pk), now=timezone.now())


@pytest.mark.requirement(93, 95)
@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "client-2"},
        {"issuer": "https://elsewhere.example.test"},
        {"owner": True},
        {"secret_version": 1},
        {"secret_version": 3},
    ],
)
def test_a_secret_does_not_open_for_another_owner_application_or_version(change: dict[str, object]) -> None:
    endpoint = rotated()
    assert opened(endpoint) == (NEW, OLD)
    WebhookEndpoint.objects.update(**({"owner": make_user()} if "owner" in change else change))

    with pytest.raises(SealError) as caught:
        opened(endpoint)
    assert caught.value.code == "value_forged"


@pytest.mark.requirement(93)
def test_the_two_columns_of_a_row_cannot_be_exchanged() -> None:
    endpoint = rotated()
    WebhookEndpoint.objects.update(
        sealed_secret=endpoint.sealed_previous_secret, sealed_previous_secret=endpoint.sealed_secret
    )

    with pytest.raises(SealError):
        opened(endpoint)


@pytest.mark.requirement(93)
@pytest.mark.parametrize("column", ["sealed_secret", "sealed_previous_secret"])
def test_a_secret_of_another_row_does_not_open_though_all_else_is_the_same(column: str) -> None:
    owner = make_user()
    endpoint, other = rotated(owner), rotated(owner)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**{column: getattr(other, column)})

    with pytest.raises(SealError):
        opened(endpoint)


@pytest.mark.requirement(92)
def test_both_secrets_are_sealed_anew_and_the_old_key_can_leave(settings: Settings) -> None:
    endpoint = rotated()
    key = new_key("next")
    settings.HUB_SEALING_KEYS = f"{key},{settings.HUB_SEALING_KEYS}"
    assert keys.verify("test").still_needed

    assert reseal(now=timezone.now()).unopened == ()

    row = WebhookEndpoint.objects.get()
    for sealed in (row.sealed_secret, row.sealed_previous_secret):
        assert sealed_under(bytes(sealed or b"")) == "next"
    assert not keys.verify("test").still_needed
    settings.HUB_SEALING_KEYS = key
    assert opened(endpoint) == (NEW, OLD)


def test_with_a_lost_key_a_secret_is_dropped_and_its_webhook_switched_off(settings: Settings) -> None:
    late, key = rotated(), new_key("next")
    previous = late.sealed_previous_secret
    old_ring, settings.HUB_SEALING_KEYS = settings.HUB_SEALING_KEYS, f"{key},{settings.HUB_SEALING_KEYS}"
    reseal(now=timezone.now())
    WebhookEndpoint.objects.update(sealed_previous_secret=previous)
    settings.HUB_SEALING_KEYS = old_ring
    endpoint = rotated()
    settings.HUB_SEALING_KEYS = key

    assert lost_key.lost_with("test").webhooks == 2
    lost_key.give_up("test", now=timezone.now())

    assert lost_key.lost_with("test").webhooks == 0
    endpoint.refresh_from_db()
    assert (endpoint.sealed_secret, endpoint.disabled_why) == (None, "secret_unreadable")
    assert Event.objects.filter(kind="webhook_disabled").count() == 1
    late.refresh_from_db()
    assert late.is_enabled
    assert opened(late) == (NEW,)


def test_the_overlap_is_a_day() -> None:
    endpoint = rotated()
    ends_at = endpoint.previous_secret_ends_at
    assert ends_at is not None

    assert vault.open_webhook_secrets(endpoint, now=ends_at - timedelta(seconds=1)) == (NEW, OLD)
    assert vault.open_webhook_secrets(endpoint, now=ends_at) == (NEW,)
