"""The hub's settings without its middleware and its addresses."""

from hub.settings import *  # noqa: F403

MIDDLEWARE = []
ROOT_URLCONF = "bench.plain"
