"""The smallest OAuth client that can be: it drives the fake provider in the provider's own tests."""

import base64
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

import requests
from joserfc.jwk import KeySet

from tests.fakes.authorization_server import FakeAuthorizationServer

REDIRECT_URI = "http://hub.test/connections/callback/fake/"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLIENT = ("hub", "secret")


class BareClient:
    """A client registered at one fake provider, with a fixed verifier and no judgement."""

    def __init__(self, server: FakeAuthorizationServer) -> None:
        server.add_client(REDIRECT_URI, client_secret=CLIENT[1])
        self.server = server

    def authorization_url(self, **changes: str) -> str:
        parameters = {
            "response_type": "code",
            "client_id": "hub",
            "redirect_uri": REDIRECT_URI,
            "scope": "openid notes:read",
            "state": "s",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        return f"{self.server.endpoint('authorize')}?{urlencode(parameters)}"

    def exchange(self, **changes: str) -> requests.Response:
        """Authorize as alice and redeem the code."""
        return self.redeem(dict(self.server.authorize(self.authorization_url()))["code"], changes)

    def redeem(self, code: str, changes: Mapping[str, str] = MappingProxyType({})) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return self._token(form | {"code_verifier": VERIFIER} | dict(changes), auth=CLIENT)

    def refresh(self, refresh_token: str, *, scope: str = "", auth: tuple[str, str] = CLIENT) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._token(form | ({"scope": scope} if scope else {}), auth=auth)

    def call(self, method: str, token: str, *, path: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, self.server.origin + path, headers=headers, timeout=30)

    def key_set(self) -> KeySet:
        return KeySet.import_key_set(requests.get(self.server.endpoint("jwks"), timeout=30).json())

    def _token(self, form: dict[str, str], *, auth: tuple[str, str]) -> requests.Response:
        return requests.post(self.server.endpoint("token"), data=form, auth=auth, timeout=30)
