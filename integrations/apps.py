"""The application, as Django sees it."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Register the system checks when the application is ready."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from integrations import checks  # noqa: F401, PLC0415
