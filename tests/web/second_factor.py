"""What an authenticator app does."""

import time

from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value


def code_of(secret: str) -> str:
    """The code that an app shows now (RFC 6238). The settings of tests have it change once in years, and not between
    a test's asking for it and the hub's."""
    code: str = format_hotp_value(hotp_value(secret, int(time.time()) // app_settings.TOTP_PERIOD))
    return code
