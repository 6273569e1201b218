"""Client: who we are at one authorization server. It builds requests and judges responses; it sends
nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, urlencode

from integrations.oauth import authorization_response, revocation, token, userinfo
from integrations.oauth.client_authentication import Credentials, authenticate
from integrations.oauth.errors import DiscoveryRefused
from integrations.oauth.message import FORM, Request, Response
from integrations.oauth.server import AuthorizationServer
from integrations.oauth.token import TokenResponse
from integrations.oauth.userinfo import Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Our registration at an authorization server (RFC 6749 §2.2), with its one redirect URI."""

    server: AuthorizationServer
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str
    leeway_seconds: int = 30

    @property
    def uses_pkce(self) -> bool:
        """Whether code_challenge and code_verifier are sent.

        Raises:
            DiscoveryRefused: the server's metadata does not offer S256 (code pkce_unsupported). RFC 9700
            §2.1.1 wants
                PKCE, so it takes an operator's decision, `dialect.pkce = "unsupported"`, to go without.
        """
        if self.server.dialect.pkce == "unsupported":
            return False
        methods = self.server.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise DiscoveryRefused("The provider does not offer PKCE with S256.", code="pkce_unsupported")
        return True

    def authorization_url(
        self,
        *,
        state: str,
        code_challenge: str | None,
        nonce: str | None,
        scope: frozenset[str],
        offline: bool = True,
        incremental: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> str:
        """Build the address to send the browser to (RFC 6749 §4.1.1, RFC 7636 §4.3); ours win over `extra`.

        Raises:
            DiscoveryRefused: the server would not hold the client to its PKCE challenge, or none was given.
        """
        dialect = self.server.dialect
        parameters = {
            **dialect.authorization_parameters,
            **(dialect.offline_parameters if offline else {}),
            **(dialect.incremental_parameters if incremental else {}),
            **(extra or {}),
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            **self._scope_parameter(scope),
            "state": state,
            **self._challenge_parameters(code_challenge),
        }
        if nonce is not None:
            parameters["nonce"] = nonce
        query = urlencode(_renamed(parameters, dialect.parameter_names), quote_via=quote)
        endpoint = self.server.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def judge_authorization_response(self, pairs: Sequence[tuple[str, str]], *, expected_state_matches: bool) -> str:
        """Judge what the browser brought back and return the code; see `authorization_response.judge`.

        Raises:
            ResponseRefused: not an answer to our request. No token request.
            AccessDenied: the person said no.
            AuthorizationFailed: the provider reported another error.
        """
        return authorization_response.judge(pairs, server=self.server, expected_state_matches=expected_state_matches)

    def exchange_request(self, code: str, *, code_verifier: str | None) -> Request:
        """Trade an authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5). Send it once: so says
        §4.1.2.

        Raises:
            InvalidClient: the registration has no secret to authenticate with.
        """
        dialect = self.server.dialect
        parameters = {
            **dialect.token_parameters,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
        }
        if code_verifier is not None and self.uses_pkce:
            parameters["code_verifier"] = code_verifier
        return self._token_request(self.server.token_endpoint, parameters, credentials=self._credentials())

    def refresh_request(self, refresh_token: str, *, scope: frozenset[str] = frozenset()) -> Request:
        """Ask for a new access token (RFC 6749 §6); `scope` goes along only where the provider wants it.

        Raises:
            InvalidClient: the registration has no secret to authenticate with.
        """
        return self.refresh_requests(scope=scope)(refresh_token)

    def refresh_requests(self, *, scope: frozenset[str] = frozenset()) -> Callable[[str], Request]:
        """What makes a refresh token into its `refresh_request`: all that they have in common is done once.

        Raises:
            InvalidClient: the registration has no secret to authenticate with.
        """
        dialect = self.server.dialect
        parameters = {
            **dialect.refresh_parameters,
            "grant_type": "refresh_token",
        }
        if dialect.refresh_sends_scope and scope:
            parameters["scope"] = dialect.scope_separator.join(sorted(scope))
        credentials = (
            self._credentials()
            if dialect.refresh_sends_secret
            else authenticate("none", client_id=self.client_id, client_secret=None)
        )
        url = self.server.refresh_endpoint or self.server.token_endpoint
        common = self._token_request(url, parameters, credentials=credentials)
        return partial(_with_parameter, common, dialect.token_parameter_names.get("refresh_token", "refresh_token"))

    def judge_token(self, response: Response) -> TokenResponse:
        """Judge a response of the token endpoint; see `token.parse`, also for what it raises."""
        return token.parse(response, dialect=self.server.dialect)

    def revocation_requests(self, *, access_token: str | None, refresh_token: str | None) -> list[Request]:
        """Build the requests that revoke these tokens (RFC 7009 §2.1), in the order to send them; maybe none.

        Raises:
            InvalidClient: the registration has no secret to authenticate with.
        """
        return revocation.build(
            self.server,
            client_id=self.client_id,
            client_secret=self.client_secret,
            access_token=access_token,
            refresh_token=refresh_token,
        )

    def judge_revocation(self, response: Response) -> None:
        """Return if the token is no longer good; see `revocation.judge`, also for what it raises."""
        revocation.judge(response, dialect=self.server.dialect)

    def userinfo_request(self, access_token: str) -> Request:
        """Ask whose account it is (OpenID Connect Core §5.3.1). Only where the server has a userinfo
        endpoint."""
        userinfo = self.server.dialect.userinfo
        return self.api_request(
            userinfo.method,
            self.server.userinfo_endpoint,
            access_token,
            headers=userinfo.headers,
            body=userinfo.body.encode(),
            idempotent=True,
        )

    def judge_userinfo(self, response: Response, *, expected_subject: str | None = None) -> Identity:
        """Read the identity; see `userinfo.judge`, also for what it raises."""
        return userinfo.judge(response, dialect=self.server.dialect, expected_subject=expected_subject)

    def api_request(
        self,
        method: str,
        url: str,
        access_token: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        idempotent: bool = False,
    ) -> Request:
        """Build a call with the token in the provider's header (RFC 6750 §2.1), never in the URL."""
        dialect = self.server.dialect
        sent = {
            "Accept": "application/json",
            **(headers or {}),
            dialect.token_header_name: dialect.token_header_template.format(token=access_token),
        }
        return Request(method=method, url=url, headers=sent, body=body, idempotent=idempotent)

    def _scope_parameter(self, scope: frozenset[str]) -> dict[str, str]:
        dialect = self.server.dialect
        if not scope and not dialect.empty_scope_sent:
            return {}
        return {dialect.user_scope_parameter or "scope": dialect.scope_separator.join(sorted(scope))}

    def _challenge_parameters(self, code_challenge: str | None) -> dict[str, str]:
        if not self.uses_pkce:
            return {}
        if not code_challenge:
            raise DiscoveryRefused("No PKCE challenge was given.", code="pkce_missing")
        return {"code_challenge": code_challenge, "code_challenge_method": "S256"}

    def _credentials(self) -> Credentials:
        method = self.server.dialect.token_endpoint_auth_method
        return authenticate(method, client_id=self.client_id, client_secret=self.client_secret)

    def _token_request(self, url: str, parameters: dict[str, str], *, credentials: Credentials) -> Request:
        dialect = self.server.dialect
        sent = _renamed({**parameters, **credentials.parameters}, dialect.token_parameter_names)
        as_form = dialect.token_request_format == "form"
        headers = {
            "Accept": "application/json",
            "Content-Type": FORM if as_form else "application/json",
            **dialect.token_headers,
            **credentials.headers,
        }
        body = urlencode(sent) if as_form else json.dumps(sent)
        return Request(method="POST", url=url, headers=headers, body=body.encode("ascii"))


def _with_parameter(request: Request, name: str, value: str) -> Request:
    """The request with one more parameter, in the format that its body has."""
    if request.headers["Content-Type"] == FORM:
        body = request.body + b"&" + urlencode({name: value}).encode("ascii")
    else:
        body = json.dumps({**json.loads(request.body), name: value}).encode("ascii")
    return Request(method=request.method, url=request.url, headers=request.headers, body=body)


def _renamed(parameters: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    renamed = {names.get(name, name): value for name, value in parameters.items()}
    return {name: value for name, value in renamed.items() if name}
