"""Wiring."""

from django.apps import AppConfig


class AuthorizationServerConfig(AppConfig):
    name = "hub.authorization_server"
    label = "authorization_server"
    verbose_name = "Authorization server"
