"""Sealing keys that AWS KMS wrapped: a process has them unwrapped when it starts, and then does without KMS."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from integrations.crypto import Keyring, SealError, new_key
from integrations.key_service import AwsKms
from integrations.models import SealingKey, VaultEntry
from tests.factories import make_connection, make_tokens
from tests.flows.worker import ROOT, database_url
from tests.real.aws_kms import Kms
from tests.real.borrower import Borrower

pytestmark = pytest.mark.real


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kms]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with Kms() as server:
        yield server


def service(kms: Kms) -> AwsKms:
    return AwsKms(kms.arn, endpoint_url=kms.url)


def command(kms: Kms, keys: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, at this test's database and KMS."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "HUB_SEALING_KEYS": keys,
        "HUB_KMS_KEY_ID": kms.arn,
        "HUB_KMS_ENDPOINT_URL": kms.url,
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )


def test_a_wrapped_key_seals_and_opens_and_is_not_what_stands_in_the_settings(kms: Kms) -> None:
    line = new_key("k2", service=service(kms))

    ring = Keyring.parse(line, services={"aws-kms": service(kms)})

    sealed = ring.seal(b"token", associated_data=b"place")
    again = Keyring.parse(line, services={"aws-kms": service(kms)})
    assert again.open(sealed, associated_data=b"place") == b"token"
    assert len(base64.b64decode(line.rpartition(":")[2])) > 32


@pytest.mark.requirement(93)
def test_a_wrapped_key_is_no_other_key_and_no_other_services(kms: Kms) -> None:
    wrapped = new_key("k2", service=service(kms)).rpartition(":")[2]
    other = kms.client.create_key()["KeyMetadata"]["Arn"]

    for line, arn in (
        (f"k3:aws-kms:{wrapped}", kms.arn),
        (f"k2:aws-kms:{wrapped}", other),
        ("k2:aws-kms:AAAA", kms.arn),
    ):
        with pytest.raises(SealError) as caught:
            Keyring.parse(line, services={"aws-kms": AwsKms(arn, endpoint_url=kms.url)})
        assert caught.value.code == "key_service_refused"
        assert wrapped not in str(caught.value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement(94, 104)
def test_a_ring_moves_to_kms_and_what_runs_goes_on_when_kms_is_gone(kms: Kms) -> None:
    connection = make_connection(tokens=make_tokens(access_token="access-1"))
    before = settings.HUB_SEALING_KEYS
    made = command(kms, before, "manage.py", "rotate_keys", "make", "k2", "--aws-kms")
    line = made.stdout.strip()
    assert line.startswith("k2:aws-kms:"), made.stderr

    resealed = command(kms, f"{line},{before}", "manage.py", "rotate_keys", "reseal")
    assert (resealed.returncode, resealed.stdout) == (0, "2 sealed anew.\n"), resealed.stderr
    assert VaultEntry.objects.get(connection=connection).key_id == "k2"
    assert SealingKey.objects.filter(key_id="k2").exists()

    with Borrower(HUB_SEALING_KEYS=line, HUB_KMS_KEY_ID=kms.arn, HUB_KMS_ENDPOINT_URL=kms.url) as process:
        assert process.borrow(connection) == "access-1"
        kms.stop()
        assert [process.borrow(connection) for _ in range(5)] == ["access-1"] * 5

    refused = command(kms, line, "-c", "import hub.wsgi")
    assert refused.returncode != 0
    assert "hub.E009: AWS KMS cannot be asked for key 'k2' (EndpointConnectionError)" in refused.stderr
