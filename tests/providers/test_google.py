"""Google: offline access by parameters, incremental authorization, scope as addresses."""

from integrations.providers import get
from tests.providers.building import answer, authorization_parameters, client_of, form

CALENDAR = "https://www.googleapis.com/auth/calendar"


def test_offline_access_is_asked_for_by_parameters() -> None:
    sent = authorization_parameters(client_of("google"), "openid")

    assert (sent["access_type"], sent["prompt"]) == ("offline", "consent")
    assert "include_granted_scopes" not in sent


def test_more_scope_keeps_what_was_granted() -> None:
    sent = authorization_parameters(client_of("google"), f"{CALENDAR}.readonly", incremental=True)

    assert sent["include_granted_scopes"] == "true"


def test_the_documented_answer_is_read() -> None:
    document = {
        "access_token": "1/fFAGRNJru1FTz70BzhT3Zg",
        "expires_in": 3920,
        "token_type": "Bearer",
        "scope": f"openid email {CALENDAR}.readonly",
        "refresh_token": "1//xEoDL4iW3cxlI7yDbSRFYNG01kVKM2C",
        "refresh_token_expires_in": 604799,
    }

    token = client_of("google").judge_token(answer(document))

    assert token.refresh_expires_in == 604799
    assert token.scope == frozenset(
        {
            *("openid", "https://www.googleapis.com/auth/userinfo.email", f"{CALENDAR}.readonly"),
        }
    )


def test_revocation_needs_no_client_and_ends_the_grant() -> None:
    client = client_of("google")

    first, second = client.revocation_requests(access_token="at", refresh_token="rt")

    assert first.url == "https://oauth2.googleapis.com/revoke"
    assert (form(first), form(second)) == ({"token": "rt"}, {"token": "at"})
    assert "Authorization" not in first.headers
    assert client.server.dialect.revocation.reach == "account"


def test_a_token_revoked_before_counts_as_revoked() -> None:
    client_of("google").judge_revocation(answer({"error": "invalid_token"}, status=400))


def test_the_whole_calendar_implies_its_parts() -> None:
    granted = {*get("google").scope_of([]), CALENDAR}

    on, _ = get("google").features_of(granted)

    assert {feature.slug for feature in on} == {"account", "calendar.read", "calendar.write"}


def test_implication_goes_to_the_end_of_the_chain() -> None:
    on, _ = get("google").features_of({"https://mail.google.com/"})

    assert {feature.slug for feature in on} == {"mail.read", "mail.send"}


def test_identity_can_be_proved_by_an_id_token() -> None:
    server = get("google").authorization_server({})

    assert server.issuer == "https://accounts.google.com"
    assert server.jwks_uri == "https://www.googleapis.com/oauth2/v3/certs"
    assert "openid" in get("google").scope_of([])
