"""The variables of applications."""

from django.core.exceptions import ImproperlyConfigured

from hub.environment import Environment

PEOPLE, STAFF = "people", "staff"


def who_registers(env: Environment) -> str:
    """HUB_APPLICATIONS: who may register an application on the pages, `people` or `staff`.

    Raises:
        ImproperlyConfigured: neither.
    """
    value: str = env.str("HUB_APPLICATIONS", default=PEOPLE).strip().lower()
    if value not in (PEOPLE, STAFF):
        raise ImproperlyConfigured("HUB_APPLICATIONS says who may register applications: people or staff.")
    return value
