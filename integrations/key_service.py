"""Keys that wrap our keys, kept by AWS KMS: the settings hold what only the service can unwrap (envelope encryption).

The id under which a key stands in the ring is part of the encryption context, so a wrapped key cannot be passed off as
another one. A call is bounded: two tries of a few seconds. Nobody calls this while a token is read; the vault unwraps
the ring when a process starts, and again now and then (`vault.ring`).
"""

from typing import TYPE_CHECKING

from integrations.crypto import KEY_BYTES, SealError

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError as error:
    raise ImportError("HUB_KMS_KEY_ID wants boto3. Install it so: scripts/bootstrap runtime aws") from error

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

CONNECT_SECONDS = 3
READ_SECONDS = 5
TRIES = 2
#: What KMS says when asking again changes nothing: the key, the right to use it, or the wrapped bytes are wrong.
REFUSALS = frozenset(
    (
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "NotFoundException",
        "UnrecognizedClientException",
    )
)


class AwsKms:
    """One symmetric key of AWS KMS, named by its ARN. Credentials come the way boto3 finds them."""

    name = "aws-kms"

    def __init__(self, arn: str, *, endpoint_url: str = "") -> None:
        self._arn = arn
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
        )
        region = arn.split(":")[3]
        self._client: KMSClient = boto3.client(
            "kms", region_name=region, endpoint_url=endpoint_url or None, config=config
        )

    def wrapped_key(self, key_id: str) -> bytes:
        """A fresh key that KMS made and never showed, wrapped.

        Raises:
            SealError: KMS refuses or cannot be reached.
        """
        try:
            answer = self._client.generate_data_key_without_plaintext(
                KeyId=self._arn, EncryptionContext=_context(key_id), KeySpec="AES_256"
            )
        except (BotoCoreError, ClientError) as error:
            raise _translated(key_id, error) from None
        return answer["CiphertextBlob"]

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The key that was wrapped under this id.

        Raises:
            SealError: KMS refuses or cannot be reached.
        """
        try:
            answer = self._client.decrypt(KeyId=self._arn, CiphertextBlob=wrapped, EncryptionContext=_context(key_id))
        except (BotoCoreError, ClientError) as error:
            raise _translated(key_id, error) from None
        if len(answer["Plaintext"]) != KEY_BYTES:
            raise SealError("key_malformed", f"key {key_id!r} is not {KEY_BYTES} bytes long when unwrapped")
        return answer["Plaintext"]


def _context(key_id: str) -> dict[str, str]:
    return {"integration-hub": "sealing-key", "key-id": key_id}


def _translated(key_id: str, error: Exception) -> SealError:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if code in REFUSALS:
        return SealError("key_service_refused", f"AWS KMS refuses to serve key {key_id!r} ({code})")
    return SealError("key_service_unavailable", f"AWS KMS cannot be asked for key {key_id!r} ({code})")
