"""GitLab: any host."""

from integrations.providers import get
from tests.providers.building import answer, client_of, form


def test_a_host_of_ones_own_is_used_everywhere() -> None:
    client = client_of("gitlab", host="git.example.org:8443")

    [access, *_] = client.revocation_requests(access_token="at", refresh_token=None)

    assert client.server.authorization_endpoint == "https://git.example.org:8443/oauth/authorize"
    assert client.refresh_request("rt").url == "https://git.example.org:8443/oauth/token"
    assert access.url == "https://git.example.org:8443/oauth/revoke"
    assert form(access)["token"] == "at"
    assert client.userinfo_request("at").url == "https://git.example.org:8443/api/v4/user"
    assert get("gitlab").issuer({"host": "git.example.org:8443"}) == "https://git.example.org:8443"


def test_without_a_host_it_is_gitlab_com() -> None:
    assert get("gitlab").authorization_server({}).token_endpoint == "https://gitlab.com/oauth/token"


def test_the_documented_answer_is_read() -> None:
    document = {
        "access_token": "de6780bc",
        "token_type": "bearer",
        "expires_in": 7200,
        "refresh_token": "8257e65c",
        "created_at": 1607635748,
    }

    token = client_of("gitlab").judge_token(answer(document))

    assert (token.expires_in, token.refresh_token, token.scope) == (7200, "8257e65c", None)


def test_full_access_switches_on_reading() -> None:
    on, _ = get("gitlab").features_of({"api"})

    assert {feature.slug for feature in on} == {"account", "projects.read", "projects.write"}


def test_access_is_ended_by_hand_at_the_host_of_ones_own() -> None:
    page = get("gitlab").revocation_page({"host": "git.example.test"})

    assert page == "https://git.example.test/-/user_settings/applications"
