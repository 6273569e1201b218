"""The address and the form of an admin list: what is offered works, the rest is refused, and nothing is a 500."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from oauth2_provider.models import Application

from integrations.admin.list_query import GuardedList
from integrations.models import Connection
from tests.admin.posting import messages_of
from tests.factories import make_connection, make_registration

pytestmark = pytest.mark.django_db
ROOT = "/admin/integrations"
APPLICATIONS = "/admin/oauth2_provider/application/"
HUGE = "9" * 30


@pytest.mark.requirement(99)
@pytest.mark.parametrize(
    "query",
    [
        f"{ROOT}/clientregistration/?sealed_client_secret__startswith=a",
        f"{ROOT}/clientregistration/?variables__startswith=a",
        f"{ROOT}/connection/?lease_owner__startswith=a",
        f"{ROOT}/connection/?registration__sealed_client_secret__startswith=a",
        f"{ROOT}/connection/?vault_entry__sealed__startswith=a",
        f"{ROOT}/connection/?owner__password__startswith=a",
        f"{ROOT}/event/?registration__sealed_client_secret__startswith=a",
        f"{ROOT}/pendingrevocation/?sealed__startswith=a",
        f"{APPLICATIONS}?client_secret__startswith=a",
    ],
)
def test_a_list_is_no_oracle_for_a_column_it_does_not_offer(operator: Client, query: str) -> None:
    assert operator.get(query).status_code == 400


def test_everything_a_list_offers_works(operator: Client) -> None:
    connection = make_connection(last_error_code="rate_limited")
    make_connection(registration=make_registration(provider="github"), status=Connection.Status.REVOKED)
    offered = (
        "status__exact=active",
        "registration__provider=sandbox",
        f"registration__id__exact={connection.registration_id}",
        "last_error_code=rate_limited",
        "last_error_code__isnull=False",
    )

    for query in offered:
        assert operator.get(f"{ROOT}/connection/?{query}").status_code == 200, query
    assert operator.get(f"{ROOT}/event/?connection__exact={connection.pk}").status_code == 200
    assert operator.get(f"{ROOT}/clientregistration/?enabled__exact=1").status_code == 200
    assert operator.get(f"{APPLICATIONS}?client_type=public").status_code == 200


def test_every_link_on_a_list_leads_somewhere(operator: Client) -> None:
    make_connection(last_error_code="rate_limited")
    make_connection(registration=make_registration(provider="github"), status=Connection.Status.REVOKED)
    page = operator.get(f"{ROOT}/connection/")

    links = [
        choice["query_string"]
        for spec in page.context["cl"].filter_specs
        for choice in spec.choices(page.context["cl"])
    ]

    assert len(links) > 8
    assert {operator.get(f"{ROOT}/connection/{link}").status_code for link in links} == {200}


@pytest.mark.parametrize(
    "query",
    [f"event/?connection__exact={HUGE}", "event/?connection__exact=x", f"connection/?registration__id__exact={HUGE}"],
)
def test_a_value_that_cannot_be_compared_is_the_askers_mistake(operator: Client, query: str) -> None:
    make_connection()

    response = operator.get(f"{ROOT}/{query}", follow=True)

    assert response.status_code == 200


@pytest.mark.parametrize("query", ["connection/?status__exact=%00", "event/?kind__exact=%00"])
def test_a_nul_is_refused(operator: Client, query: str) -> None:
    assert operator.get(f"{ROOT}/{query}").status_code == 400


@pytest.mark.parametrize("key", [HUGE, f"-{HUGE}", "x", ""])
@pytest.mark.parametrize("action", ["refresh_now", "revoke_and_wipe"])
@pytest.mark.parametrize("confirmed", ["", "yes"])
def test_a_selection_that_cannot_be_read_changes_nothing(
    operator: Client, key: str, action: str, confirmed: str
) -> None:
    connection = make_connection()
    form = {"action": action, "index": "0", "confirmed": confirmed, "_selected_action": [str(connection.pk), key]}

    page = operator.post(f"{ROOT}/connection/", form, follow=True)

    assert page.status_code == 200
    assert messages_of(page) == ["The selection cannot be read. Nothing was changed."]
    assert Connection.objects.get().status == Connection.Status.ACTIVE


def test_the_selection_of_clients_is_read_as_carefully(operator: Client) -> None:
    Application.objects.create(client_id="client-1", client_secret="x" * 64, client_type="public")

    page = operator.post(APPLICATIONS, {"action": "delete_selected", "_selected_action": [HUGE]}, follow=True)

    assert page.status_code == 200
    assert Application.objects.exists()


def test_every_list_is_guarded(operator: Client) -> None:
    """Whatever an application registers, ours or not: an admin that has pages reads them with care."""
    unguarded = [m.__name__ for m, page in admin.site._registry.items() if not isinstance(page, GuardedList)]

    assert unguarded == []


@pytest.mark.parametrize("key", [HUGE, "x", "", "\x00"])
@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("auth/user", "close_accounts"),
        ("auth/group", "delete_selected"),
        ("account/emailaddress", "delete_selected"),
        ("mfa/authenticator", "delete_selected"),
        ("integrations/clientregistration", "switch_off"),
        ("oauth2_provider/application", "delete_selected"),
    ],
)
def test_no_selection_and_no_key_is_an_error_of_ours(operator: Client, path: str, action: str, key: str) -> None:
    operator.raise_request_exception = False
    Group.objects.create(name="Others")
    make_registration()
    users = User.objects.count()

    answers = [
        operator.post(f"/admin/{path}/", {"action": action, "index": "0", "_selected_action": key, "post": "yes"}),
        operator.post(f"/admin/{path}/", {"action": action, "_selected_action": key, "index": HUGE}),
        operator.get(f"/admin/{path}/", {"id__exact": key}),
        operator.get(f"/admin/{path}/", {"p": key, "o": key, "q": key}),
        operator.get(f"/admin/{path}/{key or 'y'}/change/".replace("\x00", "%00")),
        operator.post(f"/admin/{path}/{HUGE}/delete/", {"post": "yes"}),
    ]

    assert all(answer.status_code < 500 for answer in answers), [answer.status_code for answer in answers]
    assert (User.objects.count(), Group.objects.filter(name="Others").count()) == (users, 1)


def test_no_list_of_what_may_be_many_counts_beside_its_filters(operator: Client) -> None:
    """Such counts read the whole table once for each choice."""
    for name in ("attempt", "connection", "event", "pendingrevocation", "providerstanding", "sweeprun"):
        assert "_facets" not in operator.get(f"{ROOT}/{name}/").content.decode(), name
