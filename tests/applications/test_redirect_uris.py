"""Which addresses an application may register."""

import pytest
from oauth2_provider.models import Application

from hub.applications.redirect_uris import AddressRefused, check
from tests.applications.test_admin import LISTED, member
from tests.authorization_server.steps import make_application

HTTPS = [
    "https://app.example/callback",
    "https://app.example:8443/callback?tenant=a&x=%20y",
    "https://app.example",
    "https://xn--bcher-kva.example/",
    "https://[2001:db8::1]/callback",
]
LOOPBACK = ["http://127.0.0.1/callback", "http://127.0.0.1:5000/", "http://[::1]:1234/x"]
NEVER = [
    "",
    "callback",
    "/callback",
    "//app.example/callback",
    "https:///callback",
    "https://app.example/callback#",
    "https://app.example/callback#x",
    "https://user@app.example/callback",
    "https://user:pass@app.example/callback",
    "https://app.example\\@evil.example/",
    "https://*.example/callback",
    "https://app.example/*",
    "https://app.example/call back",
    "https://app.example/\u202e",
    "https://b\u00fccher.example/",
    "https://app.example:99999/",
    "https://app.example:x/",
    "https://app.example:/",
    "http://127.0.0.1:/",
    "http://127.0.0.1:0/",
    "http://[::1]:00/",
    "http://[::1]x.evil.example/callback",
    "https://[::1]x/",
    "https://[::1]x:80/",
    "https://a[::1]/",
    "https://[::1/",
    "http://app.example/callback",
    "http://127.0.0.1.evil.example/",
    "http://localhost/callback",
    "http://10.0.0.1/callback",
    "http://127.0.0.1@evil.example/",
    "HTTPS://app.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "com.example.app:/callback",
    "https://app.example/" + "x" * 500,
    "https://app.example/\ncallback",
]


@pytest.mark.requirement(136)
@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize("address", HTTPS)
def test_https_is_kept_exactly_as_it_was_given(address: str, loopback: bool) -> None:
    assert check(address, loopback=loopback) == address


@pytest.mark.requirement(136)
@pytest.mark.parametrize("address", LOOPBACK)
def test_the_persons_own_machine_is_for_public_clients(address: str) -> None:
    assert check(address, loopback=True) == address
    with pytest.raises(AddressRefused):
        check(address, loopback=False)


@pytest.mark.requirement(136)
@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize("address", NEVER)
def test_everything_else_is_refused_with_a_sentence(address: str, loopback: bool) -> None:
    with pytest.raises(AddressRefused) as refused:
        check(address, loopback=loopback)
    assert str(refused.value).endswith(".")


@pytest.mark.django_db
@pytest.mark.parametrize("client_type", ["public", "confidential"])
def test_an_operator_renames_a_device_which_has_no_address(client_type: str) -> None:
    application = make_application(client_type=client_type, grant_type=Application.GRANT_DEVICE_CODE, redirect_uris="")

    saved = member("view_application", "change_application").post(
        f"{LISTED}{application.pk}/change/", {"name": "Television", "redirect_uris": ""}
    )

    assert saved.status_code == 302
    assert Application.objects.get().name == "Television"
