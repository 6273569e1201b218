"""The fake provider's endpoints, each a function from a request to an answer.

RFC 6749, 6750, 7009, 7636, 7662, 8414, 9207 and OpenID Connect Core.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus, urlencode

from tests.fakes.conduct import Rotation
from tests.fakes.grants import Account, Code, Grant, IssuedAccessToken, Memory, Refused, RegisteredClient
from tests.fakes.signing import SigningKeys, id_token_claims
from tests.fakes.wire import Incoming, Outgoing, json_answer

PATHS = {
    "authorize": "/authorize",
    "token": "/token",
    "revoke": "/revoke",
    "introspect": "/introspect",
    "userinfo": "/userinfo",
    "jwks": "/jwks",
}
SANDBOX_PREFIX = "/oauth"
ENDPOINT_OF_PATH = {path: name for name, path in PATHS.items()} | {
    "/.well-known/oauth-authorization-server": "metadata",
    "/.well-known/openid-configuration": "metadata",
    "/api/me": "api",
    "/api/notes": "api",
    # The same provider where the catalogue's sandbox entry expects it.
    "/oauth/authorize/": "authorize",
    "/oauth/token/": "token",
    "/oauth/revoke_token/": "revoke",
    "/oauth/introspect/": "introspect",
    "/sandbox/api/profile": "userinfo",
    "/sandbox/api/notes": "api",
}
#: The same provider for one of many tenants, where the entry in tests/catalogue expects it.
TENANT = re.compile(r"(/(?:eu|us)/[a-z0-9-]+)(/.+)")
SCOPE_OF_API = {("GET", "notes"): "notes:read", ("POST", "notes"): "notes:write"}


def endpoint_of(path: str) -> str:
    """Which endpoint a path leads to, of whatever tenant."""
    tenant = TENANT.fullmatch(path)
    return ENDPOINT_OF_PATH.get(tenant[2] if tenant else path, "unknown")


class Endpoints:
    """All endpoints over one memory."""

    def __init__(self, memory: Memory, *, keys: SigningKeys, origin: str) -> None:
        self.memory = memory
        self.conduct = memory.conduct
        self.keys = keys
        self.origin = origin
        self.signed_in = "alice"
        self._handlers: Mapping[str, Callable[[Incoming], Outgoing]] = {
            "authorize": self.authorize,
            "token": self.token,
            "revoke": self.revoke,
            "introspect": self.introspect,
            "userinfo": self.userinfo,
            "jwks": self.jwks,
            "metadata": self.metadata,
            "api": self.api,
        }

    def process(self, incoming: Incoming) -> Outgoing:
        """Answer as a provider without faults would."""
        handler = self._handlers.get(incoming.endpoint)
        if handler is None:
            return Outgoing(status=404)
        with self.memory.lock:
            try:
                return handler(incoming)
            except Refused as refusal:
                return json_answer({"error": refusal.code}, status=401 if refusal.code == "invalid_client" else 400)

    def authorize(self, incoming: Incoming) -> Outgoing:
        """RFC 6749 §4.1.1 with the account and the decision of the `X-Fake-` headers; never a page."""
        asked = incoming.parameters
        client = self.memory.clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client.redirect_uris:
            return Outgoing(status=400, body=b"unknown client or redirect_uri")
        answer = self._decide(client, asked=asked, headers=incoming.headers)
        answer["state"] = asked.get("state", "")
        if self.conduct.iss is not None:
            answer["iss"] = self.conduct.iss or self._issuer(incoming)
        separator = "&" if "?" in asked["redirect_uri"] else "?"
        location = asked["redirect_uri"] + separator + urlencode(answer)
        return Outgoing(status=302, headers={"Location": location})

    def _decide(
        self, client: RegisteredClient, *, asked: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, str]:
        error = headers.get("x-fake-error", "")
        if error:
            return {"error": error, "error_description": headers.get("x-fake-error-description", "no")}
        if asked.get("response_type") != "code":
            return {"error": "unsupported_response_type"}
        challenge = asked.get("code_challenge", "")
        if self.conduct.require_pkce and (not challenge or asked.get("code_challenge_method") != "S256"):
            return {"error": "invalid_request", "error_description": "PKCE with S256 is required"}
        account = self.memory.accounts[headers.get("x-fake-account", self.signed_in)]
        grant = self._consent(account, client=client, asked=asked, chosen=headers.get("x-fake-scope"))
        code = self.memory.new_code(grant, redirect_uri=asked["redirect_uri"], code_challenge=challenge)
        return {"code": code}

    def _consent(
        self, account: Account, *, client: RegisteredClient, asked: Mapping[str, str], chosen: str | None
    ) -> Grant:
        scope = frozenset(asked.get("scope", "").split())
        if self.conduct.granted_scope is not None:
            scope = self.conduct.granted_scope
        if chosen is not None:
            scope = frozenset(chosen.split())
        return self.memory.consent(account, client_id=client.client_id, scope=scope, nonce=asked.get("nonce"))

    def token(self, incoming: Incoming) -> Outgoing:
        """RFC 6749 §3.2, the authorization code and the refresh grant."""
        tenant = TENANT.fullmatch(incoming.path)
        if tenant and tenant[1] in self.conduct.refusing_tenants:
            raise Refused("invalid_client")
        client = self._authenticated(incoming)
        match incoming.form.get("grant_type"):
            case "authorization_code":
                return self._exchange(client, form=incoming.form)
            case "refresh_token":
                return self._refresh(client, form=incoming.form)
            case _:
                raise Refused("unsupported_grant_type")

    def _exchange(self, client: RegisteredClient, *, form: Mapping[str, str]) -> Outgoing:
        code = self.memory.redeem(form.get("code", ""), client_id=client.client_id)
        verified = _verified(code, form.get("code_verifier", ""))
        if form.get("redirect_uri") != code.redirect_uri or not verified:
            raise Refused("invalid_grant")
        refresh_token = None
        if self.conduct.issue_refresh_token:
            refresh_token = self.memory.new_refresh_token(code.grant)
        return self._tokens(code.grant, scope=code.grant.scope, refresh_token=refresh_token, with_id_token=True)

    def _refresh(self, client: RegisteredClient, *, form: Mapping[str, str]) -> Outgoing:
        value = form.get("refresh_token", "")
        grant = self.memory.grant_of_refresh_token(value, client_id=client.client_id)
        asked = frozenset(form["scope"].split()) if form.get("scope") else grant.scope
        if not asked <= grant.scope:
            raise Refused("invalid_scope")
        scope = asked if self.conduct.refreshed_scope is None else self.conduct.refreshed_scope
        rotates = self.conduct.rotation is not Rotation.NEVER
        return self._tokens(
            grant,
            scope=scope,
            refresh_token=self.memory.new_refresh_token(grant) if rotates else None,
            with_id_token=self.conduct.id_token_on_refresh,
        )

    def _tokens(
        self, grant: Grant, *, scope: frozenset[str], refresh_token: str | None, with_id_token: bool
    ) -> Outgoing:
        token = self.memory.new_access_token(grant, scope=scope)
        document: dict[str, object] = {"access_token": token.value, "token_type": self.conduct.token_type}
        if self.conduct.expires_in is not None:
            document["expires_in"] = self.conduct.expires_in
        if refresh_token is not None:
            document["refresh_token"] = refresh_token
        if self.conduct.say_scope:
            document["scope"] = " ".join(sorted(scope))
        if with_id_token and "openid" in scope:
            issued_at = int(self.memory.now().timestamp())
            claims = id_token_claims(grant, issuer=self.origin, token=token, conduct=self.conduct, issued_at=issued_at)
            document["id_token"] = self.keys.sign(claims)
        return json_answer(document | dict(self.conduct.extra_token_members))

    def revoke(self, incoming: Incoming) -> Outgoing:
        """RFC 7009 §2: 200 for whatever token the client names."""
        client = self._authenticated(incoming)
        self.memory.revoke(incoming.form.get("token", ""), client_id=client.client_id)
        return Outgoing()

    def introspect(self, incoming: Incoming) -> Outgoing:
        """RFC 7662 §2, access and refresh tokens."""
        self._authenticated(incoming)
        value = incoming.form.get("token", "")
        grants = [g for g in self.memory.grants if value in g.refresh_tokens[-1:] and not g.revoked]
        return json_answer({"active": bool(grants) or self.memory.active(value) is not None})

    def userinfo(self, incoming: Incoming) -> Outgoing:
        """OpenID Connect Core §5.3."""
        token = self._bearer(incoming)
        if token is None:
            return _challenge("invalid_token", status=401)
        account = token.grant.account
        claims = {"sub": account.subject, "name": account.name, "email": account.email}
        claims |= dict(self.conduct.userinfo_claims)
        return json_answer({name: value for name, value in claims.items() if value is not None})

    def jwks(self, incoming: Incoming) -> Outgoing:
        """RFC 7517 §5."""
        return json_answer(self.keys.published())

    def metadata(self, incoming: Incoming) -> Outgoing:
        """RFC 8414 §2, the same document at both well-known addresses."""
        document: dict[str, object] = {
            "issuer": self.origin,
            "authorization_endpoint": self.origin + PATHS["authorize"],
            "token_endpoint": self.origin + PATHS["token"],
            "revocation_endpoint": self.origin + PATHS["revoke"],
            "introspection_endpoint": self.origin + PATHS["introspect"],
            "userinfo_endpoint": self.origin + PATHS["userinfo"],
            "jwks_uri": self.origin + PATHS["jwks"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "notes:read", "notes:write"],
            "code_challenge_methods_supported": self.conduct.code_challenge_methods,
            "authorization_response_iss_parameter_supported": self.conduct.iss_advertised,
        }
        document |= dict(self.conduct.metadata)
        return json_answer({name: value for name, value in document.items() if value is not None})

    def api(self, incoming: Incoming) -> Outgoing:
        """The protected API: who am I, and notes behind a scope of their own (RFC 6750 §3)."""
        token = self._bearer(incoming)
        if token is None:
            return _challenge("invalid_token", status=401)
        needed = SCOPE_OF_API.get((incoming.method, incoming.path.rsplit("/", 1)[1]))
        if needed is not None and needed not in token.scope:
            return _challenge("insufficient_scope", status=403)
        if incoming.path == "/api/me":
            return json_answer({"sub": token.grant.account.subject, "name": token.grant.account.name})
        return json_answer({"notes": [f"a note of {token.grant.account.name}"]})

    def _issuer(self, incoming: Incoming) -> str:
        tenant = TENANT.fullmatch(incoming.path)
        if tenant:
            return self.origin + tenant[1] + SANDBOX_PREFIX
        return self.origin + (SANDBOX_PREFIX if incoming.path.startswith(SANDBOX_PREFIX) else "")

    def _bearer(self, incoming: Incoming) -> IssuedAccessToken | None:
        scheme, _, value = incoming.headers.get("authorization", "").partition(" ")
        return self.memory.active(value) if scheme.lower() == "bearer" else None

    def _authenticated(self, incoming: Incoming) -> RegisteredClient:
        """RFC 6749 §2.3, by the one method that the client is registered for."""
        client_id, secret, method = _credentials(incoming)
        client = self.memory.clients.get(client_id)
        if client is None or method != client.token_endpoint_auth_method:
            raise Refused("invalid_client")
        if method != "none" and secret != client.client_secret:
            raise Refused("invalid_client")
        return client


def _credentials(incoming: Incoming) -> tuple[str, str, str]:
    scheme, _, value = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client_id, _, secret = base64.b64decode(value).decode().partition(":")
        return unquote_plus(client_id), unquote_plus(secret), "client_secret_basic"
    form = incoming.form
    if "client_secret" in form:
        return form.get("client_id", ""), form["client_secret"], "client_secret_post"
    return form.get("client_id", ""), "", "none"


def _verified(code: Code, verifier: str) -> bool:
    """RFC 7636 §4.6."""
    if not code.code_challenge:
        return not verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == code.code_challenge


def _challenge(error: str, *, status: int) -> Outgoing:
    challenge = f'Bearer realm="fake", error="{error}"'
    return json_answer({"error": error}, status=status, WWW_Authenticate=challenge)
