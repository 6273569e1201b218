"""Watching, as Django sees it: on from the start of every process, a server's, a command's or a worker's."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from integrations import measures
from integrations.providers import PROVIDERS


class WatchingConfig(AppConfig):
    """Count where somebody is to read it, and trace where there is a collector."""

    name = "hub.watching"
    label = "watching"

    def ready(self) -> None:
        if settings.HUB_METRICS:
            measures.open_in(settings.HUB_METRICS_DIRECTORY, providers=PROVIDERS)
        if settings.HUB_OTLP_ENDPOINT is not None:
            # A set of its own, which is neither needed nor loaded where nobody traces.
            try:
                from hub.watching import telemetry  # noqa: PLC0415
            except ImportError:
                raise ImproperlyConfigured(
                    "Traces are switched on, but OpenTelemetry is not installed: "
                    ".venv/bin/python -m pip install --require-hashes -r requirements/telemetry.txt"
                ) from None
            telemetry.start(settings.HUB_OTLP_ENDPOINT)
