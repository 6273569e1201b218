"""The hub's settings without its applications, its middleware and its addresses."""

from hub.settings import *  # noqa: F403

INSTALLED_APPS = []
MIDDLEWARE = []
ROOT_URLCONF = "bench.plain"
