"""Every address of the hub."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

# Admin signs in through the same page as everyone, with its rate limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Integration Hub"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/connections/"), name="home"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("", include("hub.authorization_server.urls")),
    path("", include("integrations.web.urls")),
]
if settings.HUB_SANDBOX:
    urlpatterns.append(path("sandbox/api/", include("hub.sandbox.urls")))
