"""What holds for every table."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

from integrations.flows import bulk_revoke
from integrations.flows.selection import Selection
from integrations.models import (
    AccountClosure,
    AnsweredRequest,
    Attempt,
    ClientRegistration,
    Mailbox,
    PendingRevocation,
    Preferences,
    ProviderStanding,
    SealingKey,
    SilencedClient,
    StrayResponse,
    VaultEntry,
)
from tests.factories import (
    make_authorization_request,
    make_connection,
    make_event,
    make_notice,
    make_pending_revocation,
    make_registration,
    make_sweep_run,
    make_use,
    make_user,
)
from tests.lending import make_allowance, make_connect_link, make_webhook_delivery, make_webhook_endpoint

OURS = tuple(apps.get_app_config("integrations").get_models())


@pytest.mark.django_db
def test_migrations_are_up_to_date() -> None:
    call_command("makemigrations", "integrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.requirement(92)
def test_every_column_that_may_hold_a_secret_holds_sealed_bytes_or_a_hash() -> None:
    words = ("token", "secret", "verifier", "nonce", "state", "code", "sealed", "password")
    named = {
        (model.__name__, field.name): type(field)
        for model in OURS
        for field in model._meta.concrete_fields
        if any(word in field.name for word in words)
    }

    assert {key: kind for key, kind in named.items() if issubclass(kind, models.BinaryField)} == {
        ("AuthorizationRequest", "sealed"): models.BinaryField,
        ("ClientRegistration", "sealed_client_secret"): models.BinaryField,
        ("PendingRevocation", "sealed"): models.BinaryField,
        ("VaultEntry", "sealed"): models.BinaryField,
        ("WebhookEndpoint", "sealed_previous_secret"): models.BinaryField,
        ("WebhookEndpoint", "sealed_secret"): models.BinaryField,
    }
    assert {key for key, kind in named.items() if not issubclass(kind, models.BinaryField)} == {
        ("Attempt", "error_code"),
        ("Attempt", "state_hash"),
        ("AuthorizationRequest", "state_hash"),
        ("ClientRegistration", "last_error_code"),
        ("ClientRegistration", "secret_version"),
        ("ClientRegistration", "token_endpoint_auth_method"),
        ("ClientRegistration", "token_requests_per_minute"),
        ("Connection", "has_refresh_token"),
        ("Connection", "last_error_code"),
        ("PendingRevocation", "last_error_code"),
        ("PendingRevocation", "nonce"),
        ("ProviderStanding", "error_code"),
        ("WebhookDelivery", "last_error_code"),
        ("WebhookDelivery", "state"),
        ("WebhookEndpoint", "previous_secret_ends_at"),
        ("WebhookEndpoint", "secret_version"),
    }


@pytest.mark.django_db
@pytest.mark.requirement(98)
def test_a_row_shows_what_it_is_and_nothing_sealed() -> None:
    connection = make_connection()
    order = bulk_revoke.begin(Selection(), reason="why", actor="x", now=connection.created_at)
    rows: list[models.Model] = [
        connection,
        connection.registration,
        VaultEntry.objects.get(),
        make_authorization_request(),
        make_pending_revocation(connection=connection),
        make_event(connection=connection),
        make_sweep_run(),
        make_use(connection=connection),
        make_notice(),
        Mailbox.objects.create(user=make_user()),
        Preferences.objects.create(user=make_user()),
        make_allowance(connection),
        make_webhook_endpoint(),
        make_webhook_delivery(),
        make_connect_link(),
        AnsweredRequest.objects.create(
            name="a" * 64, fingerprint="b" * 64, begun_at=connection.created_at, expires_at=connection.created_at
        ),
        AccountClosure.objects.create(user=make_user(), started_at=connection.created_at),
        SealingKey.objects.create(key_id="k1", proof=b"sealed"),
        SilencedClient.objects.create(client_id="client"),
        Attempt.objects.create(
            user=make_user(),
            registration=connection.registration,
            started_at=connection.created_at,
            expires_at=connection.created_at,
        ),
        order,
        order.members.latest("pk"),
        StrayResponse.objects.create(registration=connection.registration, last_at=connection.created_at),
        ProviderStanding.objects.create(endpoint="login.example.test", registration=connection.registration),
    ]

    assert {type(row) for row in rows} == set(OURS)
    for row in rows:
        assert len(f"{row}") < 80
        assert "b'" not in f"{row!r} {row}"


@pytest.mark.django_db
def test_a_registration_says_whether_it_has_a_secret() -> None:
    assert make_registration().has_client_secret
    assert not make_registration(client_secret=None).has_client_secret
    assert ClientRegistration(extra_scope=" b  a ").extra_scope_set == {"a", "b"}


@pytest.mark.django_db
def test_pending_revocations_go_with_their_connection() -> None:
    row = make_pending_revocation()

    row.connection.delete()

    assert not PendingRevocation.objects.exists()
