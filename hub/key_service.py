"""What the settings say of a key service, checked."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from hub.environment import is_loopback


def kms_key(value: str) -> str:
    """The ARN of the AWS KMS key that wraps sealing keys; empty: none does.

    Raises:
        ImproperlyConfigured: it is no ARN of a key.
    """
    parts = value.strip().split(":")
    if value and (len(parts) != 6 or parts[0] != "arn" or parts[2] != "kms" or not parts[3] or "/" not in parts[5]):
        raise ImproperlyConfigured("HUB_KMS_KEY_ID must be an ARN: arn:aws:kms:eu-central-1:111122223333:key/…")
    return value.strip()


def kms_endpoint(value: str) -> str:
    """Another address of AWS KMS than the public one; unwrapped keys travel from there, so it is https or loopback.

    Raises:
        ImproperlyConfigured: it is not.
    """
    try:
        url = urlsplit(value)
        host = url.hostname or ""
    except ValueError:
        url, host = urlsplit(""), ""
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
    if value and not (host and is_safe):
        raise ImproperlyConfigured("HUB_KMS_ENDPOINT_URL must be https://… (or an address of this machine)")
    return value
