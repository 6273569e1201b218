"""Every address of the hub."""

from allauth.account.decorators import secure_admin_login
from allauth.mfa.recovery_codes.views import view_recovery_codes
from allauth.mfa.totp.views import activate_totp
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView, TemplateView

from hub import sign_in_admin
from hub.authorization_server.configuration import SCOPE
from hub.resource_server.authenticate import authenticate
from integrations.admin import overview
from integrations.api.caller import authenticate_by
from integrations.api.urls import api

# Admin signs in through the same page as everyone, with its rate limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
sign_in_admin.narrow(admin.site)
overview.show_on_index(admin.site)
authenticate_by(authenticate)
api.scope_titles = SCOPE
admin.site.site_header = admin.site.site_title = "Integration Hub"

# Pages that must not need what may be broken.
handler400 = "hub.error_pages.bad_request"
handler500 = "hub.error_pages.server_error"

SIGNED_OUT = TemplateView.as_view(template_name="account/signed_out.html")

urlpatterns: list[URLPattern | URLResolver] = [
    # First, for it is asked most.
    path("api/v1/", api.urls),
    path("", RedirectView.as_view(url="/connections/"), name="home"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/signed-out/", SIGNED_OUT, name="account_signed_out"),
    # These two show secrets, which must not come back out of a browser's cache; allauth does not say so itself.
    path("accounts/2fa/totp/activate/", never_cache(activate_totp), name="mfa_activate_totp"),
    path("accounts/2fa/recovery-codes/", never_cache(view_recovery_codes), name="mfa_view_recovery_codes"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("", include("hub.authorization_server.urls")),
    path("", include("hub.applications.urls")),
    path("", include("hub.webhooks.urls")),
    path("", include("integrations.web.urls")),
]
if settings.HUB_SANDBOX:
    urlpatterns.append(path("sandbox/api/", include("hub.sandbox.urls")))
