"""The ASGI application, for a server that speaks nothing else."""

import os

from django.core.asgi import get_asgi_application

from hub.startup import refuse_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

application = get_asgi_application()
refuse_errors()
