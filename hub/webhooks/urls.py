"""Addresses of the pages about webhooks."""

from django.urls import path

from hub.webhooks import actions, views

app_name = "webhooks"

urlpatterns = [
    path("webhooks/", views.webhooks, name="list"),
    path("webhooks/new/", views.new, name="new"),
    path("webhooks/<uuid:uuid>/", views.endpoint, name="endpoint"),
    path("webhooks/<uuid:uuid>/change/", views.change, name="change"),
    path("webhooks/<uuid:uuid>/delete/", views.delete, name="delete"),
    path("webhooks/<uuid:uuid>/test/", actions.test, name="test"),
    path("webhooks/<uuid:uuid>/secret/", actions.replace_secret, name="secret"),
    path("webhooks/<uuid:uuid>/enable/", actions.enable, name="enable"),
    path("webhooks/<uuid:uuid>/redeliver/", actions.redeliver, name="redeliver"),
]
