"""Wiring."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "hub.sandbox"
    label = "sandbox"
    verbose_name = "Sandbox"
