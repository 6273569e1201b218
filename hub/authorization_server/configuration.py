"""django-oauth-toolkit's settings. Read while settings.py runs: nothing here may import models."""

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from hub.environment import Environment

PACKAGE = "hub.authorization_server"
CLIENT_SECRET_HASHER = f"{PACKAGE}.client_secret.ClientSecretHasher"
SANDBOX_SCOPE = {
    "notes:read": _("Read your notes"),
    "notes:write": _("Write and delete your notes"),
}
SCOPE = {
    "profile": _("See your name"),
    "connections:read": _("See the connections that you share with it"),
    "connections:borrow": _("Use the accounts that you share with it, with access tokens of its own"),
    "connections:call": _("Have the hub call the accounts that you share with it"),
    "connections:connect": _("Send you here to connect further accounts"),
    "connections:disconnect": _("Disconnect accounts that you share with it"),
    "events:read": _("See what happens to the connections that you share with it"),
}
#: What a person should be asked for their password again before they allow it to a device.
SENSITIVE_SCOPE = frozenset({"connections:borrow", "connections:call", "connections:disconnect"})
GRANT_TYPES = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
]

ADMIN_CLASSES = {
    "APPLICATION_ADMIN_CLASS": "hub.applications.application_admin.ApplicationAdmin",
    **{
        f"{credential}_ADMIN_CLASS": f"{PACKAGE}.admin.NoPage"
        for credential in ("ACCESS_TOKEN", "REFRESH_TOKEN", "ID_TOKEN", "GRANT")
    },
}

AUTHORIZATION_CODE_EXPIRE_SECONDS = 60
ACCESS_TOKEN_EXPIRE_SECONDS = 600
REFRESH_TOKEN_EXPIRE_SECONDS = 30 * 24 * 3600
REGISTRATION_TOKEN_LENGTH = 32


def issuer(site_url: str) -> str:
    """Our issuer identifier: metadata, RFC 9207's `iss` and the sandbox's catalogue entry all say this one."""
    return f"{site_url}/oauth"


def oauth2_provider(*, site_url: str, loopback: bool, sandbox: bool) -> dict[str, object]:
    """The OAUTH2_PROVIDER setting. `loopback`: redirect URIs may be plain http, for one machine only."""
    return {
        "OIDC_ISS_ENDPOINT": issuer(site_url),
        **ADMIN_CLASSES,
        "SCOPES": SCOPE | (SANDBOX_SCOPE if sandbox else {}),
        "DEFAULT_SCOPES": ["profile"],
        "OAUTH2_SERVER_CLASS": f"{PACKAGE}.server.HubServer",
        "OAUTH2_VALIDATOR_CLASS": f"{PACKAGE}.validator.HubValidator",
        "CLIENT_SECRET_HASHER": "client_secret_pbkdf2",
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": AUTHORIZATION_CODE_EXPIRE_SECONDS,
        "ACCESS_TOKEN_EXPIRE_SECONDS": ACCESS_TOKEN_EXPIRE_SECONDS,
        "REFRESH_TOKEN_EXPIRE_SECONDS": REFRESH_TOKEN_EXPIRE_SECONDS,
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
        "PKCE_REQUIRED": True,
        "REQUEST_APPROVAL_PROMPT": "force",
        "ALLOW_URI_WILDCARDS": False,
        "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"] if loopback else ["https"],
        "OAUTH2_BACKEND_CLASS": f"{PACKAGE}.parameters.HubCore",
        "CLEAR_EXPIRED_TOKENS_BATCH_SIZE": 500,
        "CLEAR_EXPIRED_TOKENS_BATCH_INTERVAL": 0.01,
        "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
        "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
        "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
        "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
        "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
        "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
        "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
        "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
        "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
        "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    }


def registration_token(env: Environment) -> str:
    """HUB_CLIENT_REGISTRATION_TOKEN: whoever has it registers clients over the network; empty: nobody does.

    Raises:
        ImproperlyConfigured: short enough to be guessed.
    """
    value: str = env.str("HUB_CLIENT_REGISTRATION_TOKEN", default="").strip()
    is_plain = value.isascii() and value.isprintable() and " " not in value
    if value and (len(value) < REGISTRATION_TOKEN_LENGTH or not is_plain):
        raise ImproperlyConfigured(
            f"HUB_CLIENT_REGISTRATION_TOKEN needs {REGISTRATION_TOKEN_LENGTH} random characters. "
            "Make one so: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return value
