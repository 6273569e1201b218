"""A floor: one Django view behind no middleware that asks the database for 1. Served as `bench.plain:application`."""

from django.core.wsgi import get_wsgi_application
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.urls import path


def one(request: HttpRequest) -> HttpResponse:
    with database.cursor() as cursor:
        cursor.execute("SELECT 1")
        return HttpResponse(str(cursor.fetchone()[0]), headers={"Content-Length": "1"})


urlpatterns = [path("", one), path("healthz", one)]
application = get_wsgi_application()
