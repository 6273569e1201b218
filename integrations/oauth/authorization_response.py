"""The authorization response (RFC 6749 §4.1.2, RFC 9207): what the browser brings back, judged before
anything is sent."""

from collections.abc import Mapping, Sequence

from integrations.oauth.errors import AccessDenied, AuthorizationFailed, OAuthError, ResponseRefused
from integrations.oauth.server import AuthorizationServer

CODE_LIMIT = 8_192


def judge(pairs: Sequence[tuple[str, str]], *, server: AuthorizationServer, expected_state_matches: bool) -> str:
    """Judge the query as it came, pair by pair, and return the code.

    Tokens in it are not looked at (RFC 9700 §2.1.2). Where both a code and an error came, it is an error.

    Raises:
        ResponseRefused: it does not belong to our request: state, iss, a repeated parameter, no code. No
        token request. AccessDenied: the person said no.
        AuthorizationFailed: the provider reported another error.
    """
    names = server.dialect.parameter_names
    parameters = _unrepeated(pairs)
    if not parameters.get(names.get("state", "state")):
        raise ResponseRefused("The response has no state.", code="state_missing")
    if not expected_state_matches:
        raise ResponseRefused("The state is not of this attempt.", code="state_mismatch")
    _check_issuer(parameters.get("iss"), server)
    if "error" in parameters:
        raise _failure(parameters, server).quoting()
    code = parameters.get(names.get("code", "code"), "")
    if not code:
        raise ResponseRefused("The response has no code.", code="code_missing")
    if len(code) > CODE_LIMIT or not (code.isascii() and code.isprintable()):
        raise ResponseRefused("The code is malformed.", code="code_malformed")
    return code


def _unrepeated(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise ResponseRefused("A parameter is repeated.", code="duplicate_parameter")
    return parameters


def _check_issuer(iss: str | None, server: AuthorizationServer) -> None:
    """RFC 9207 §2.4: simple string comparison, no normalisation, in success and error responses alike."""
    promised = server.authorization_response_iss_parameter_supported
    if iss is None:
        if promised:
            raise ResponseRefused("The response has no iss although the provider promises one.", code="iss_missing")
        return
    if iss != server.issuer and (promised or server.issuer):
        raise ResponseRefused("The response comes from another issuer.", code="iss_mismatch")


def _failure(parameters: Mapping[str, str], server: AuthorizationServer) -> OAuthError:
    error = server.dialect.errors.get(parameters["error"], parameters["error"])
    description = parameters.get("error_description") or error
    if error == "access_denied":
        return AccessDenied(description)
    return AuthorizationFailed(description, code=error)
