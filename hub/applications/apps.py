"""Applications, as Django sees them: one table of their own."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """The pages about applications, and which of them are switched off."""

    name = "hub.applications"
    label = "applications"
    default_auto_field = "django.db.models.BigAutoField"
