"""Exported configuration holds no secret, and one that is loaded elsewhere brings none along."""

import io
import json

import pytest
from django.core.management import call_command
from pytest_django import Settings

from integrations import vault
from integrations.models import ClientRegistration
from integrations.vault import SealError, new_key
from tests.canaries import leaks
from tests.factories import make_connection, make_registration, make_tokens

pytestmark = pytest.mark.django_db
SECRET, TOKEN = "canary-client-secret-0123", "canary-access-token-0123"
EXPORTS = (
    ("dumpdata", "integrations.clientregistration"),
    ("dumpdata", "integrations", "--format", "xml"),
    ("dumpdata", "integrations", "--format", "jsonl", "--natural-foreign"),
    ("rotate_keys", "status", "--json"),
    ("rotate_keys", "verify", "--json"),
    ("rotate_keys", "reseal", "--json"),
    ("sweep_tokens", "--dry-run", "--json"),
)


def written(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.requirement(103)
@pytest.mark.parametrize("arguments", EXPORTS, ids=" ".join)
def test_no_export_holds_a_secret_or_a_key(arguments: tuple[str, ...], settings: Settings) -> None:
    registration = make_registration(client_secret=SECRET)
    make_connection(registration=registration, tokens=make_tokens(access_token=TOKEN))
    key = settings.HUB_SEALING_KEYS.partition(":")[2]

    export = written(*arguments)

    assert export
    assert leaks(export, [SECRET, TOKEN, key]) == []


@pytest.mark.requirement(103)
def test_a_registration_that_is_loaded_at_another_hub_brings_no_secret(settings: Settings) -> None:
    make_registration(slug="work", client_secret=SECRET)
    rows = json.loads(written("dumpdata", "integrations.clientregistration"))
    ClientRegistration.objects.all().delete()
    settings.HUB_SEALING_KEYS = new_key("elsewhere")

    for row in rows:
        ClientRegistration.objects.create(pk=row["pk"], **row["fields"] | {"sealed_client_secret": b""})
        ClientRegistration.objects.filter(pk=row["pk"]).update(
            sealed_client_secret=ClientRegistration._meta.get_field("sealed_client_secret").to_python(
                row["fields"]["sealed_client_secret"]
            )
        )

    with pytest.raises(SealError):
        vault.open_client_secret(ClientRegistration.objects.get(slug="work"))
