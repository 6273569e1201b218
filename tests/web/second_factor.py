"""What an authenticator app does."""

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value


def code_of(secret: str) -> str:
    """The code that an app shows now (RFC 6238)."""
    code: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    return code
