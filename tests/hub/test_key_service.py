import pytest
from django.core.exceptions import ImproperlyConfigured

from hub.key_service import kms_endpoint, kms_key

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize("value", ["", ARN, f" {ARN}\n", "arn:aws:kms:eu-central-1:111122223333:alias/hub"])
def test_a_key_of_kms_is_named_by_its_arn(value: str) -> None:
    assert kms_key(value) == value.strip()


@pytest.mark.parametrize(
    "value", ["hub", "arn:aws:kms::111122223333:key/1", "arn:aws:s3:eu-central-1:1:key/1", ARN[:40]]
)
def test_anything_else_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="arn:aws:kms:eu-central-1"):
        kms_key(value)


@pytest.mark.parametrize("value", ["", "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com", "http://127.0.0.1:5000"])
def test_keys_come_over_https_or_from_this_machine(value: str) -> None:
    assert kms_endpoint(value) == value


@pytest.mark.parametrize("value", ["http://kms.example.com", "kms.example.com", "https://", "ftp://127.0.0.1"])
def test_keys_do_not_travel_in_the_open(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="https"):
        kms_endpoint(value)
