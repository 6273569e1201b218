"""Two-step sign-in in a real browser: an authenticator app, recovery codes, Chromium's own passkeys."""

from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Hub, look
from tests.browser.test_sign_in import confirm_by_password
from tests.factories import PASSWORD
from tests.web.second_factor import code_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sign_in_by_password(hub: Hub, *, next_path: str = "/connections/new/") -> Page:
    hub.page.context.clear_cookies()
    page = hub.open(f"/accounts/login/?next={next_path}")
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    return page


def with_app(hub: Hub) -> str:
    """The person has set up an app; its secret."""
    secret: str = generate_totp_secret()
    TOTP.activate(hub.user, secret)
    return secret


@pytest.fixture
def authenticator(hub: Hub) -> CDPSession:
    """A fingerprint reader built into the device, which always recognises its owner."""
    session = hub.page.context.new_cdp_session(hub.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def test_an_app_is_set_up_and_asked_for(hub: Hub) -> None:
    page = hub.open("/accounts/2fa/")
    look(page, "two-step-off")
    page.get_by_role("link", name="Set up an app").click()
    confirm_by_password(page)
    page.get_by_text("Type the key instead").click()
    look(page, "app-set-up")
    page.get_by_label("Code that the app shows").fill("000000")
    page.get_by_role("button", name="Turn on two-step sign-in").click()
    expect(page.get_by_text("That did not work")).to_be_visible()
    page.get_by_text("Type the key instead").click()
    secret = page.locator("code").inner_text()
    page.get_by_label("Code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Turn on two-step sign-in").click()
    expect(page.get_by_text("Your authenticator app is set up.")).to_be_visible()
    look(page, "recovery-codes")
    assert "An authenticator app was set up" in mail.outbox[-1].body

    page = sign_in_by_password(hub)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    look(page, "second-step")
    page.get_by_label("Code").fill("123")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("That did not work")).to_be_visible()
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    look(page, "trust")
    page.get_by_role("button", name="Ask me each time").click()
    page.wait_for_url(f"{hub.origin}/connections/new/")


def test_a_trusted_browser_is_not_asked_again(hub: Hub) -> None:
    secret = with_app(hub)
    page = sign_in_by_password(hub)
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Trust this browser").click()
    page.wait_for_url(f"{hub.origin}/connections/new/")
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "hub_test_trusted"]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()

    hub.open("/accounts/login/")
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.wait_for_url(f"{hub.origin}/connections/")


def test_a_recovery_code_signs_in_once_and_new_ones_are_made(hub: Hub, tmp_path: Path) -> None:
    with_app(hub)
    page = hub.open("/accounts/2fa/")
    page.get_by_role("link", name="Make codes").click()
    confirm_by_password(page)
    look(page, "recovery-codes-make")
    page.get_by_role("button", name="Make new codes").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the codes").click()
    codes = Path(download.value.path()).read_text().split()
    assert len(codes) == 10

    sign_in_by_password(hub)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Ask me each time").click()
    page.wait_for_url(f"{hub.origin}/connections/new/")
    sign_in_by_password(hub)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_text("That did not work")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{hub.origin}/accounts/login/")


def test_an_app_is_turned_off_after_a_code(hub: Hub) -> None:
    secret = with_app(hub)
    page = hub.open("/accounts/2fa/")
    look(page, "two-step-on")
    page.get_by_role("link", name="Turn off…").click()
    page.get_by_role("link", name="Use authenticator app or code").click()
    look(page, "confirm-by-code")
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Confirm").click()
    look(page, "app-turn-off")
    page.get_by_role("button", name="Turn it off").click()

    expect(page.get_by_text("Your authenticator app is turned off.")).to_be_visible()
    assert not Authenticator.objects.exists()


def test_a_passkey_signs_in_alone(hub: Hub, authenticator: CDPSession) -> None:
    page = hub.open("/accounts/2fa/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm_by_password(page)
    look(page, "passkey-add")
    page.get_by_label("Name of the key").fill("My laptop")
    page.get_by_role("button", name="Add the key").click()
    expect(page.get_by_text("The key is added.")).to_be_visible()
    page.context.clear_cookies()

    hub.open("/accounts/login/?next=/connections/new/")
    look(page, "sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()

    page.wait_for_url(f"{hub.origin}/connections/new/")
    hub.open("/accounts/2fa/webauthn/")
    expect(page.get_by_text("Passkey: signs you in without the password")).to_be_visible()
    look(page, "keys")


def test_a_security_key_is_the_second_step_confirms_is_renamed_and_removed(hub: Hub, authenticator: CDPSession) -> None:
    page = hub.open("/accounts/2fa/webauthn/add/")
    confirm_by_password(page)
    page.get_by_label("Sign in with this key instead of the password").uncheck()
    page.get_by_role("button", name="Add the key").click()
    expect(page.get_by_text("The key is added.")).to_be_visible()

    sign_in_by_password(hub, next_path="/accounts/2fa/webauthn/")
    look(page, "second-step-key")
    page.get_by_role("button", name="Use your passkey").click()
    page.get_by_role("button", name="Ask me each time").click()
    expect(page.get_by_text("Security key: second step after the password")).to_be_visible()
    page.get_by_role("link", name="Rename").click()
    page.get_by_role("link", name="Use a security key").click()
    look(page, "confirm-by-key")
    page.get_by_role("button", name="Use your passkey").click()
    page.get_by_label("Name of the key").fill("<b>Blue</b> key")
    look(page, "key-rename")
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_role("heading", name="<b>Blue</b> key")).to_be_visible()
    page.get_by_role("link", name="Remove…").click()
    look(page, "key-remove")
    page.get_by_role("button", name="Remove the key").click()

    expect(page.get_by_text("The key is removed.")).to_be_visible()
    assert not Authenticator.objects.exists()


def test_a_device_without_a_key_is_told(hub: Hub, authenticator: CDPSession) -> None:
    page = hub.page
    page.context.clear_cookies()
    hub.open("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_text("this device has no fitting key")).to_be_visible()
    look(page, "passkey-failed")


def test_at_an_address_in_numbers_passkeys_are_explained_away(hub: Hub, numbers: Callable[[str], Page]) -> None:
    page = numbers("/accounts/login/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    page = numbers("/accounts/2fa/")
    expect(page.get_by_text("Browsers allow passkeys only at a name with https")).to_be_visible()
    look(page, "two-step-without-passkeys")


@pytest.fixture
def numbers(hub: Hub) -> Callable[[str], Page]:
    """Opens a page of the hub at 127.0.0.1, as in the demo."""
    hub.page.context.clear_cookies()

    def open_page(path: str) -> Page:
        hub.page.goto(hub.origin.replace("localhost", "127.0.0.1") + path)
        return hub.page

    return open_page
