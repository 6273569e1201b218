"""The style page shows every component there is, and the colours can be read."""

import pytest
from django.conf import settings as project
from django.test import Client
from pytest_django import Settings

from integrations.web.palette import Pair, contrast, pairs

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


@pytest.mark.parametrize(("one", "other", "expected"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.5)])
def test_contrast_is_measured_as_wcag_says(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == contrast(other, one) == expected
