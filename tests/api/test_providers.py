"""What can be connected at this hub."""

import pytest

from tests.api.calling import program_of
from tests.factories import make_registration, make_user

pytestmark = pytest.mark.django_db


def test_providers_with_their_features() -> None:
    make_registration(slug="notes-here")
    make_registration(slug="off", enabled=False)
    make_registration(slug="lost", provider="no-such-entry", variables={})
    program = program_of(make_user())

    body = program.get("/providers").json()

    (found,) = body["data"]
    assert (found["slug"], found["provider"], found["name"]) == ("notes-here", "sandbox", "Sandbox")
    features = {feature["slug"]: (feature["scope"], feature["always"]) for feature in found["features"]}
    assert features["profile"] == ("profile", True)
    assert features["notes.read"] == ("notes:read", False)
    assert program.get("/providers/notes-here").json() == found


@pytest.mark.parametrize("slug", ["off", "lost", "none"])
def test_provider_that_cannot_be_connected(slug: str) -> None:
    make_registration(slug="off", enabled=False)
    make_registration(slug="lost", provider="no-such-entry", variables={})
    response = program_of(make_user()).get(f"/providers/{slug}")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_provider")


def test_pages() -> None:
    for _ in range(3):
        make_registration()
    program = program_of(make_user())
    first = program.get("/providers", {"limit": "2"}).json()
    second = program.get("/providers", {"limit": "2", "after": first["next"]}).json()
    assert (len(first["data"]), len(second["data"]), second["next"]) == (2, 1, None)
