"""Dropbox: offline access by a parameter of its own, every call a POST."""

from integrations.oauth.message import Response
from tests.providers.building import answer, authorization_parameters, client_of


def test_offline_access_and_more_scope_are_asked_for_by_parameters() -> None:
    sent = authorization_parameters(client_of("dropbox"), "account_info.read", incremental=True)

    assert sent["token_access_type"] == "offline"
    assert sent["include_granted_scopes"] == "user"


def test_the_documented_answer_is_read() -> None:
    document = {
        "access_token": "sl.AbX9",
        "expires_in": 14400,
        "token_type": "bearer",
        "scope": "account_info.read files.content.read",
        "refresh_token": "nBiM85",
        "account_id": "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc",
        "uid": "12345",
    }

    token = client_of("dropbox").judge_token(answer(document))

    assert (token.expires_in, token.refresh_token) == (14400, "nBiM85")
    assert token.extra == {"account_id": "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"}


def test_the_account_is_asked_for_by_post_with_null() -> None:
    client = client_of("dropbox")

    request = client.userinfo_request("at")

    assert (request.method, request.body) == ("POST", b"null")
    assert request.headers["Content-Type"] == "application/json"
    document = {"account_id": "dbid:AAH4", "name": {"display_name": "Franz"}, "email": "f@example.com"}
    assert client.judge_userinfo(answer(document)).label == "f@example.com"


def test_the_token_revokes_itself_and_its_grant() -> None:
    client = client_of("dropbox")

    [request] = client.revocation_requests(access_token="at", refresh_token="rt")

    assert request.url == "https://api.dropboxapi.com/2/auth/token/revoke"
    assert request.headers["Authorization"] == "Bearer at"
    assert request.body == b""
    assert "Content-Type" not in request.headers
    assert client.server.dialect.revocation.needs_access_token
    client.judge_revocation(Response(status=200, headers={}, body=b""))
