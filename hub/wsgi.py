"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

application = get_wsgi_application()

from hub.startup import refuse_errors  # noqa: E402 - it needs models, which are there from here on

refuse_errors()
