"""The addresses of the pages about applications."""

from django.urls import path

from hub.applications import own_views, views

app_name = "applications"

urlpatterns = [
    path("applications/", views.applications, name="applications"),
    path("applications/back/", views.back, name="back"),
    path("applications/authorized/<str:client_id>/", views.authorized, name="authorized"),
    path("applications/authorized/<str:client_id>/remove/", views.remove, name="remove"),
    path("applications/register/", own_views.register, name="register"),
    path("applications/registered/<str:client_id>/", own_views.registered, name="registered"),
    path("applications/registered/<str:client_id>/secret/", own_views.secret, name="secret"),
    path("applications/registered/<str:client_id>/delete/", own_views.delete, name="delete"),
]
