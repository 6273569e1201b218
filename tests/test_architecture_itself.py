"""Each rule of the architecture test fails on a module that breaks it."""

import pytest

from tests.test_architecture import by_package, circles, clock_faults, import_faults, size_faults

BREAKS = {
    "a page opens the vault": ("integrations.web.views", "from integrations import vault"),
    "a page opens the vault for its types": (
        "integrations.web.views",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from integrations.vault import Vault",
    ),
    "a page knows the keys": ("integrations.web.views", "import integrations.crypto"),
    "a page knows a token response": ("integrations.web.views", "from integrations.oauth.token import TokenResponse"),
    "a page calls the API": ("integrations.web.views", "from integrations.api import routes"),
    "admin borrows": ("integrations.admin.connections", "from integrations.flows.access import token"),
    "admin borrows by its package": ("integrations.admin", "from integrations.flows import access"),
    "a page borrows behind the door": ("integrations.web.views", "from integrations.flows.borrow import token"),
    "the protocol knows Django": ("integrations.oauth.client", "from django.conf import settings"),
    "the protocol knows a row": ("integrations.oauth.client", "from integrations.models import Connection"),
    "the catalogue knows Django": ("integrations.providers.schema", "import django"),
    "the catalogue fetches": ("integrations.providers.schema", "import requests"),
    "a row knows a flow": ("integrations.models.connection", "from integrations.flows import refresh"),
    "a row knows its neighbour by a dot": ("integrations.models.connection", "from ..flows import refresh"),
    "a flow answers HTTP": ("integrations.flows.connect", "from django.http import HttpResponse"),
    "a flow knows an edge": ("integrations.flows.connect", "from integrations.web import urls"),
    "a flow knows sign-in": ("integrations.flows.connect", "from django.contrib.auth import login"),
    "the application knows the project": ("integrations.flows.connect", "from hub import settings"),
    "the project opens the vault": ("hub.sandbox.views", "from integrations import vault"),
    "a module on no floor": ("integrations.other", "import os"),
    "an import in a function": ("integrations.web.views", "def view():\n    import os"),
    "an import in a method": ("hub.urls", "class A:\n    def ready(self):\n        import os"),
    "an import by its name": ("integrations.flows.connect", "from django.utils.module_loading import import_string"),
    "a signal": ("integrations.models.connection", "from django.db.models.signals import post_save"),
    "a signal of Celery where none is needed": ("integrations.flows.sweep", "from celery.signals import task_postrun"),
    "a task listens to rows": ("integrations.tasks", "from django.db.models.signals import post_save"),
    "a task opens the vault": ("integrations.tasks", "from integrations import vault"),
    "a task borrows": ("integrations.tasks", "from integrations.flows import access"),
    "a page asks for a task": ("integrations.web.views", "from integrations import tasks"),
}


@pytest.mark.parametrize(("module", "source"), BREAKS.values(), ids=BREAKS.keys())
def test_a_forbidden_import_is_a_fault(module: str, source: str) -> None:
    assert import_faults(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("integrations.web.views", "from integrations.flows import connect\nfrom django.shortcuts import render"),
        ("integrations.web.views", "from integrations.flows import access"),
        ("integrations.apps", "class A:\n    def ready(self):\n        from integrations import checks"),
        ("integrations.vault", "from integrations.oauth.token import TokenResponse"),
        ("integrations.oauth.client", "from . import errors"),
        ("integrations.tasks", "from celery.signals import worker_shutting_down"),
    ],
)
def test_an_import_down_the_stairs_is_none(module: str, source: str) -> None:
    assert import_faults(module, source) == []


def test_a_circle_is_found_however_long() -> None:
    sources = {
        "integrations.flows.a": "from integrations.flows import b",
        "integrations.flows.b": "from integrations.flows.c import thing",
        "integrations.flows.c": "import integrations.flows.a",
    }

    assert circles(sources) == [
        "integrations.flows.a → integrations.flows.b → integrations.flows.c → integrations.flows.a"
    ]


def test_a_circle_of_packages_is_found_where_no_module_is_in_one() -> None:
    sources = {
        "hub.a.one": "from hub.b.one import thing",
        "hub.b.one": "",
        "hub.b.two": "from hub.a import two",
        "hub.a.two": "import hub.a.one",
    }

    assert circles(sources) == []
    assert circles(by_package(sources, "hub")) == ["hub.a → hub.b → hub.a"]


def test_two_users_of_one_module_are_no_circle() -> None:
    sources = {"a": "import c", "b": "import a, c", "c": ""}

    assert circles(sources) == []


def test_a_long_file_and_a_long_function_are_faults() -> None:
    long_file = "x = 1\n" * 301
    long_function = "def work():\n" + "    x = 1\n" * 41

    assert size_faults("hub.long", long_file)
    assert size_faults("hub.long", long_function)
    assert size_faults("hub.short", "def work():\n" + "    x = 1\n" * 40) == []


@pytest.mark.parametrize("call", ["timezone.now()", "datetime.datetime.now(tz=UTC)", "time.time()"])
def test_reading_the_clock_below_the_edges_is_a_fault(call: str) -> None:
    assert clock_faults("integrations.flows.refresh", f"x = {call}")
    assert clock_faults("integrations.web.views", f"x = {call}") == []


def test_handing_a_clock_down_is_none() -> None:
    assert clock_faults("integrations.flows.access", "def session(*, clock=timezone.now): ...") == []
