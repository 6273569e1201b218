"""Proof Key for Code Exchange (RFC 7636), S256 only: `plain` protects nothing that TLS does not."""

import base64
import hashlib
import secrets

VERIFIER_BYTES = 48


def new_code_verifier() -> str:
    """Make a code verifier (§4.1): 64 unreserved characters, 384 random bits. It stays secret until the
    token request."""
    return secrets.token_urlsafe(VERIFIER_BYTES)


def code_challenge(code_verifier: str) -> str:
    """Derive the challenge that goes with the authorization request (§4.2): BASE64URL(SHA256(verifier)),
    unpadded."""
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
