"""docs/api.md is true: its examples run against a live server, its codes are those that there are."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from integrations.api.codes import CODES
from tests.api.calling import issue
from tests.api.matrix import routes
from tests.authorization_server.steps import CLIENT_SECRET
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
TEXT = PAGE.read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```\n+```json\n(.*?)```", TEXT, re.S)


@pytest.fixture
def environment(transactional_db: None, live_server: LiveServer, settings: Settings) -> Iterator[dict[str, str]]:
    """What the examples expect to be set, and a connection that is shared."""
    settings.SITE_URL = live_server.url
    registration = make_registration(slug="sandbox")
    connection = make_connection(owner=make_user(), registration=registration, scope="profile notes:read", sealed=True)
    make_allowance(connection, features=["profile", "notes.read"])
    yield {
        **os.environ,
        "NO_PROXY": "*",
        "HUB": live_server.url,
        "TOKEN": issue(connection.owner),
        "CONNECTION": str(connection.uuid),
        "CLIENT_ID": "client-1",
        "CLIENT_SECRET": CLIENT_SECRET,
    }


def run(*command: str, environment: dict[str, str], text: str) -> str:
    done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_each_curl_example_is_answered_as_the_page_says(environment: dict[str, str]) -> None:
    assert len(SHELL) == TEXT.count("```sh") == 10
    for command, answer in SHELL:
        told = json.loads(run("bash", "-eu", environment=environment, text=command))
        expected: dict[str, Any] = json.loads(answer)
        assert set(told) == set(expected), command
        assert {name: type(value) for name, value in told.items() if value is not None} == {
            name: type(expected[name] if expected[name] is not None else told[name])
            for name, value in told.items()
            if value is not None
        }


def test_python_example_runs(environment: dict[str, str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    assert len([line for line in example.splitlines() if line.strip()]) <= 30
    told = run(sys.executable, "-", environment=environment, text=example)
    assert told.startswith("Sandbox: Alice Example can be called with a token of ")


def test_codes_are_those_that_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*) \|$", TEXT, re.M)
    assert {code: (int(status), meaning) for code, status, meaning in rows} == {
        code: (kind.status, kind.meaning) for code, kind in CODES.items()
    }


def test_each_route_and_scope_is_described() -> None:
    for route in routes():
        path = route.path.removeprefix("/api/v1").replace("{uuid}", "{id}")
        assert f"`{route.method} {path}`" in TEXT, route
        assert f"| `{route.scope}` |" in TEXT, route


def test_page_of_the_hub_lists_routes_and_problems(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()
    for route in routes():
        assert f'id="{route.name}"' in page
    for code in CODES:
        assert f'id="{code}"' in page
    assert "<script>" not in page
    assert "style=" not in page
