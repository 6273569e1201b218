"""Clients that others wrote, against a hub that runs: npm's openid-client, Authlib, curl."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session

from tests.migrated import copy_migrated
from tests.real.demo import ROOT, RunningDemo, demo_marks
from tests.real.hub_person import HubPerson
from tests.real.oidc_provider import FOLDER, install, node

pytestmark = demo_marks

SECRET = "secret-of-a-client-" * 4
REDIRECT_URI = "http://127.0.0.1:7777/callback"
#: As manage.py makes none that acts for people yet.
MAKE_APPLICATIONS = f"""
from oauth2_provider.models import Application
for client_id, grant_type, client_type in (
    ("web", Application.GRANT_AUTHORIZATION_CODE, Application.CLIENT_CONFIDENTIAL),
    ("job", Application.GRANT_CLIENT_CREDENTIALS, Application.CLIENT_CONFIDENTIAL),
    ("terminal", Application.GRANT_DEVICE_CODE, Application.CLIENT_PUBLIC),
):
    Application.objects.create(
        client_id=client_id, name=client_id, client_secret={SECRET!r}, client_type=client_type,
        authorization_grant_type=grant_type, redirect_uris={REDIRECT_URI!r},
    )
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[RunningDemo]:
    data = tmp_path_factory.mktemp("demo")
    copy_migrated(data / "hub.sqlite3")
    with RunningDemo(data) as running:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {"HUB_MODE": "demo", "HUB_VAR_DIRECTORY": str(data)}
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", MAKE_APPLICATIONS]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
        yield running


@pytest.fixture
def person(hub: RunningDemo) -> HubPerson:
    return HubPerson(hub.url, username="demo", password=hub.password("demo"))


class NodeClient:
    """The application in openid_client.mjs."""

    def __init__(self, **options: str) -> None:
        self._process = subprocess.Popen(
            [node() or "node", "--no-warnings", "openid_client.mjs", json.dumps(options)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate(timeout=20)[1]
        said: dict[str, Any] = json.loads(line)
        return said

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> int:
        self._process.communicate(timeout=20)
        return self._process.returncode


@pytest.mark.requirement(91, 109, 138, 142)
def test_openid_client(hub: RunningDemo, person: HubPerson) -> None:
    if node() is None:
        pytest.skip("node is not installed: the npm openid-client cannot run")
    install()
    application = NodeClient(
        issuer=f"{hub.url}/oauth",
        api=f"{hub.url}/api/v1",
        client_id="web",
        client_secret=SECRET,
        device_client_id="terminal",
        redirect_uri=REDIRECT_URI,
    )

    application.say(person.press(application.hear()["go_to"], allow="true"))

    said = application.hear()
    assert (said["who"]["name"], said["rotated"]) == ("demo", True)
    assert set(said["scope"].split()) == {"profile", "connections:read"}
    assert (said["told"]["active"], said["told"]["aud"]) == (True, [f"{hub.url}/api/v1"])
    assert said["after"] == {"active": False}

    codes = application.hear()["codes"]
    page = person.press(codes["verification_uri_complete"], user_code=codes["user_code"])
    assert "You can close this page" in person.read(person.press(page, decision="allow"))
    said = application.hear()
    assert (said["who"]["name"], said["has_refresh_token"]) == ("demo", True)
    assert application.end() == 0


@pytest.mark.requirement(138, 142)
def test_authlib(hub: RunningDemo, person: HubPerson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    token_endpoint, verifier = f"{hub.url}/oauth/token/", "v" * 64
    with OAuth2Session(
        "web", SECRET, scope="profile", redirect_uri=REDIRECT_URI, code_challenge_method="S256"
    ) as session:
        url, state = session.create_authorization_url(f"{hub.url}/oauth/authorize/", code_verifier=verifier)
        answer = person.press(url, allow="true")
        first = session.fetch_token(token_endpoint, authorization_response=answer, code_verifier=verifier, state=state)
        assert session.get(f"{hub.url}/api/v1/me").json()["name"] == "demo"

        second = session.refresh_token(token_endpoint, refresh_token=first["refresh_token"])

        assert second["refresh_token"] != first["refresh_token"]
        assert session.get(f"{hub.url}/api/v1/me").status_code == 200
        session.revoke_token(f"{hub.url}/oauth/revoke_token/", second["refresh_token"])
        assert session.get(f"{hub.url}/api/v1/me").status_code == 401
    with OAuth2Session("job", SECRET, scope="profile") as job:
        job.fetch_token(token_endpoint, grant_type="client_credentials")
        assert job.get(f"{hub.url}/api/v1/me").json()["sub"] is None


@pytest.mark.requirement(145)
def test_curl(hub: RunningDemo, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f'user = "job:{SECRET}"\n')
    form = ["--data", "grant_type=client_credentials", "--data", "scope=profile"]
    asked = curl("--config", str(secret), *form, f"{hub.url}/oauth/token/")

    told = curl("--header", f"Authorization: Bearer {asked['access_token']}", f"{hub.url}/api/v1/me")

    assert (asked["token_type"], asked["expires_in"], "refresh_token" in asked) == ("Bearer", 600, False)
    assert told == {"client_id": "job", "sub": None, "name": None, "scope": "profile"}


def curl(*arguments: str) -> dict[str, Any]:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
