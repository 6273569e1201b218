"""The ASGI application, for a server that speaks nothing else."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

application = get_asgi_application()

from hub.startup import refuse_errors  # noqa: E402 - it needs models, which are there from here on

refuse_errors()
