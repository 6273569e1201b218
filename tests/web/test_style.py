"""The style page shows every component there is, and the colours can be read."""

import re
from pathlib import Path

import pytest
from django.conf import settings as project
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from integrations.web.palette import Pair, contrast, pairs

SHEETS = ("css/tokens.css", "css/base.css", "css/layout.css", "css/components.css", "css/admin.css")
COMPONENTS = sorted(file.stem for file in (project.BASE_DIR / "templates" / "components").glob("*.html"))


@pytest.mark.django_db
@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_is_shown(client: Client, name: str) -> None:
    """A component that fails here needs an example: templates/integrations/style/<its name>.html."""
    page = client.get("/style/")

    shown = {template.name for template in page.templates}
    assert f"integrations/style/{name}.html" in shown
    assert f"components/{name}.html" in shown
    assert f'data-component="{name}"' in page.content.decode()


@pytest.mark.django_db
def test_it_is_not_there_in_production(client: Client, settings: Settings) -> None:
    assert 'href="/style/"' in client.get("/accounts/login/").content.decode()

    settings.HUB_SANDBOX = False

    assert client.get("/style/").status_code == 404
    assert 'href="/style/"' not in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair.foreground} on {pair.background}, {pair.scheme}")
def test_colours_can_be_read(pair: Pair) -> None:
    assert pair.contrast >= pair.needed


def declarations(sheet: str) -> list[str]:
    """What a style sheet of the other colour scheme sets, by name."""
    blocks = re.findall(r"@media[^{]*prefers-color-scheme[^{]*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", sheet)
    return [name for block in blocks for name in re.findall(r"([\w-]+)\s*:[^;{}]*;", block)]


@pytest.mark.parametrize("path", SHEETS)
def test_the_other_scheme_changes_colours_and_nothing_else(path: str) -> None:
    """Browser tests rely on it: they hold a page against everything in one scheme, against colours in the other."""
    sheet = Path(finders.find(path) or "").read_text()

    changed = declarations(sheet)

    assert bool(changed) is ("prefers-color-scheme" in sheet)
    assert {name for name in changed if not name.startswith("--")} <= {"color-scheme"}


@pytest.mark.parametrize(("one", "other", "expected"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.5)])
def test_contrast_is_measured_as_wcag_says(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == contrast(other, one) == expected
