"""The sandbox's addresses, under /sandbox/api/."""

from django.urls import path

from hub.sandbox import views

app_name = "sandbox"

urlpatterns = [
    path("profile", views.profile, name="profile"),
    path("notes", views.notes, name="notes"),
]
