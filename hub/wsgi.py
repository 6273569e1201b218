"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

_application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - they need settings and models, which are there from here on

from hub.stalled import give_up_after  # noqa: E402
from hub.startup import refuse_errors  # noqa: E402
from hub.whole import whole  # noqa: E402

refuse_errors()
application = give_up_after(settings.HUB_PROXY.idle_seconds, whole(_application))
