"""The addresses of the pages."""

from django.urls import path

from integrations.web.views import (
    account,
    activity,
    catalogue,
    connect,
    connect_link,
    connection_list,
    connections,
    consent,
    console,
    disconnect_all,
    outcome,
    settings,
    style,
    use,
)

app_name = "integrations"

urlpatterns = [
    path("connections/", connection_list.connections, name="connections"),
    path("connections/new/", catalogue.catalogue, name="catalogue"),
    path("connections/new/<slug:slug>/", catalogue.provider, name="provider"),
    path("connections/begin/<slug:slug>/", connect.begin, name="begin"),
    path("connections/callback/<slug:slug>/", connect.callback, name="callback"),
    path("connections/problem/", connect.problem_page, name="problem"),
    path("connections/consent/", consent.consent, name="consent"),
    path("connections/link/<uuid:uuid>/", connect_link.connect_link, name="connect_link"),
    path("connections/link/<uuid:uuid>/begin/", connect_link.begin, name="begin_link"),
    path("connections/disconnect-all/", disconnect_all.disconnect_all, name="disconnect_all"),
    path("connections/disconnect-all/progress/", disconnect_all.progress, name="disconnect_progress"),
    path("connections/<uuid:uuid>/", connections.connection, name="connection"),
    path("connections/<uuid:uuid>/enable/", connect.enable, name="enable"),
    path("connections/<uuid:uuid>/connected/", outcome.connected, name="connected"),
    path("connections/<uuid:uuid>/reconnect/", connect.reconnect, name="reconnect"),
    path("connections/<uuid:uuid>/test/", use.test_connection, name="test"),
    path("connections/<uuid:uuid>/console/", console.console, name="console"),
    path("connections/<uuid:uuid>/try/", console.try_feature, name="try"),
    path("connections/<uuid:uuid>/rename/", use.rename_connection, name="rename"),
    path("connections/<uuid:uuid>/disconnect/", use.disconnect_connection, name="disconnect"),
    path("activity/", activity.activity_page, name="activity"),
    path("activity/export.csv", activity.export, name="activity_export"),
    path("settings/data/", account.data_export, name="data_export"),
    path("settings/delete/", account.delete_account, name="delete_account"),
    path("settings/delete/done/", account.farewell, name="farewell"),
    path("settings/", settings.settings_home, name="settings"),
    path("settings/notifications/", settings.notifications, name="notifications"),
    path("settings/language/", settings.language, name="language"),
    path("language/", settings.language_switch, name="language_switch"),
    path("style/", style.style, name="style"),
]
