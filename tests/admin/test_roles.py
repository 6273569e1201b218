"""Every address of admin, asked by everyone: who sees, who acts, who is sent away; and nothing is a 500."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from integrations.flows import bulk_revoke
from integrations.flows.selection import Selection
from integrations.migrations._roles import change, held_by
from integrations.models import AccountClosure, Allowance, Attempt, Connection, Event, ProviderStanding, StrayResponse
from integrations.models.roles import AUDITOR, OPERATOR, ROLES, VIEWER
from tests.authorization_server.steps import make_application
from tests.clock import Clock
from tests.factories import make_connection, make_event, make_pending_revocation, make_sweep_run, make_user

pytestmark = pytest.mark.django_db
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
SUPERUSER, STAFF, ANONYMOUS, PERSON = "superuser", "staff", "anonymous", "person"
EVERYONE = (ANONYMOUS, PERSON, STAFF, VIEWER, AUDITOR, OPERATOR, SUPERUSER)
#: For everybody on the staff: the first page, their own password, the way out.
FOR_STAFF = frozenset(("index", "login", "logout", "password_change", "password_change_done", "jsi18n", "autocomplete"))
NO_MODEL = FOR_STAFF | {"view_on_site", "app_list", None}
#: Credentials of the hub's own authorization server: no page for anybody.
NOBODYS = frozenset(("accesstoken", "refreshtoken", "grant", "idtoken"))
HUGE = "9" * 30


def matrix() -> dict[str, dict[str, str]]:
    """What docs/roles.md says: see, act or nothing, by model and role."""
    text = DOCUMENT.read_text()
    rows = re.findall(r"^\| ([\w, ]+) \| (see|act|-) \| (see|act|-) \| (see|act|-) \| (see|act|-) \|$", text, re.M)
    roles = (VIEWER, OPERATOR, AUDITOR, SUPERUSER)
    found = {name: dict(zip(roles, rest, strict=True)) for names, *rest in rows for name in names.split(", ")}
    assert len(found) == 17
    return found


def may(role: str, model: str) -> str:
    if model in NOBODYS:
        return "-"
    return matrix()[model].get(role, "-")


def member(role: str) -> Client:
    client = Client(raise_request_exception=False)
    if role == ANONYMOUS:
        return client
    user = make_user(role.lower(), is_staff=role != PERSON, is_superuser=role == SUPERUSER)
    if role in ROLES:
        user.groups.add(make_role(role))
    client.force_login(user)
    return client


def make_role(name: str) -> Group:
    """The group as migrations make it; the database of a test may have been emptied since."""
    change(apps, "default", before={}, after={name: ROLES[name]})
    return Group.objects.get(name=name)


@pytest.fixture
def rows(clock: Clock) -> dict[str, Model]:
    """One of each, by model."""
    connection = make_connection(owner=make_user("marta"))
    found: list[Model] = [
        connection,
        connection.registration,
        make_event(connection=connection),
        make_sweep_run(),
        make_pending_revocation(),
        AccountClosure.objects.create(user=make_user("leaver"), started_at=clock()),
        Attempt.objects.create(
            user=make_user("visitor"), registration=connection.registration, started_at=clock(), expires_at=clock()
        ),
        StrayResponse.objects.create(registration=connection.registration, last_at=clock()),
        ProviderStanding.objects.create(endpoint="login.example.test", registration=connection.registration),
        bulk_revoke.begin(Selection(provider="sandbox"), reason="why", actor="x", now=clock()),
        make_user("somebody"),
        Group.objects.create(name="Others"),
        make_application(grant_type="client-credentials"),
        Allowance.objects.create(client_id="client-1", registration=connection.registration),
    ]
    return {str(row._meta.model_name): row for row in found}


def addresses(rows: Mapping[str, Model]) -> Iterator[tuple[str, str, str]]:
    """URL name, model and path of every page of admin, with keys that exist and a key that cannot be."""
    # What the project puts in the place of other applications' pages is there when its addresses are.
    assert get_resolver().url_patterns
    for pattern in _patterns(admin.site.get_urls()):
        name = pattern.name
        if name in NO_MODEL or name is None:
            continue
        _, _, rest = name.partition("_")
        model, _, verb = rest.rpartition("_")
        if "password" in rest:
            model, verb = "user", "password_change"
        model = model.removeprefix("provider_")
        parameters = pattern.pattern.converters
        keys = [str(rows[model].pk) if model in rows else "1", HUGE] if parameters else [""]
        for key in keys:
            yield verb, model, reverse(f"admin:{name}", args=[key] if parameters else [])


def _patterns(found: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for entry in found:
        yield from _patterns(entry.url_patterns) if isinstance(entry, URLResolver) else (entry,)


@pytest.mark.requirement(99, 100, 111)
@pytest.mark.parametrize("role", EVERYONE)
def test_every_address_answers_each_role_as_the_document_says(rows: dict[str, Model], role: str) -> None:
    client, wrong, seen = member(role), [], 0

    for verb, model, path in addresses(rows):
        for method in ("get", "post"):
            seen += 1
            status = getattr(client, method)(path).status_code
            if not is_right(role, verb, model, method, status, path=path):
                wrong.append((role, method, path, status))

    assert wrong == []
    assert seen > 100


def is_right(role: str, verb: str, model: str, method: str, status: int, *, path: str) -> bool:
    """Whether the answer is one that the matrix allows: 403 or the sign-in page for who may not, no 5xx for anybody."""
    if status >= 500:
        return False
    if role in (ANONYMOUS, PERSON):
        return status in (302, 403)
    allowed = may(role, model)
    sees = allowed in ("see", "act")
    if not sees:
        return status in (403, 405)
    if verb in ("changelist", "history", "progress") or (verb == "change" and method == "get"):
        # A POST that names no action is a look; what is not there leads to the first page, or is not found.
        return status in (200, 302, 405) or (HUGE in path and status == 404)
    if allowed == "see":
        # Django's own pages send whoever asks for what is not there to the first page.
        return status in (403, 405) or (verb == "change" and HUGE in path and status == 302)
    return status < 500


@pytest.mark.parametrize("role", EVERYONE)
def test_the_pages_that_belong_to_no_model_are_there_for_the_staff(rows: dict[str, Model], role: str) -> None:
    client = member(role)
    paths = {
        "index": reverse("admin:index"),
        "app_list": reverse("admin:app_list", args=["integrations"]),
        "jsi18n": reverse("admin:jsi18n"),
    }

    answers = {name: client.get(path).status_code for name, path in paths.items()}

    if role in (ANONYMOUS, PERSON):
        assert {answers["index"], answers["app_list"]} <= {302, 403}
        return
    assert answers["index"] == answers["jsi18n"] == 200
    assert answers["app_list"] == (404 if role == STAFF else 200)


def test_who_may_not_see_numbers_sees_none(rows: dict[str, Model]) -> None:
    page = reverse("admin:index")

    assert b"Needs attention" not in member(STAFF).get(page).content
    for role in (VIEWER, OPERATOR, AUDITOR, SUPERUSER):
        assert b"Needs attention" in member(role).get(page).content


@pytest.mark.requirement(100, 111)
@pytest.mark.parametrize("role", [ANONYMOUS, PERSON, STAFF, VIEWER, AUDITOR])
def test_who_may_not_act_changes_nothing_whatever_they_send(rows: dict[str, Model], role: str) -> None:
    client = member(role)
    connection, registration = rows["connection"], rows["clientregistration"]
    before = set(Event.objects.values_list("pk", flat=True))
    forms = [
        ("/admin/integrations/connection/", {"action": "revoke_and_wipe", "_selected_action": connection.pk}),
        ("/admin/integrations/connection/", {"action": "refresh_now", "_selected_action": connection.pk}),
        ("/admin/integrations/clientregistration/", {"action": "switch_off", "_selected_action": registration.pk}),
        ("/admin/integrations/bulkrevocation/begin/", {"provider": "sandbox", "reason": "x"}),
        (f"/admin/integrations/bulkrevocation/{rows['bulkrevocation'].pk}/step/", {}),
        (f"/admin/integrations/bulkrevocation/{rows['bulkrevocation'].pk}/cancel/", {}),
    ]

    for path, form in forms:
        client.post(path, {**form, "index": "0", "confirmed": "yes"})

    registration.refresh_from_db()
    assert registration.enabled  # type: ignore[attr-defined]
    assert Connection.objects.get(pk=connection.pk).status == Connection.Status.ACTIVE
    assert set(Event.objects.values_list("pk", flat=True)) == before


@pytest.mark.requirement(111)
@pytest.mark.parametrize(("role", "status"), [(VIEWER, 403), (OPERATOR, 403), (AUDITOR, 200), (SUPERUSER, 200)])
def test_only_those_who_audit_take_events_along(rows: dict[str, Model], role: str, status: int) -> None:
    assert member(role).post("/admin/integrations/event/export/", {"format": "csv"}).status_code == status


@pytest.mark.requirement(99)
def test_an_auditor_sees_no_name_of_an_account(rows: dict[str, Model]) -> None:
    Connection.objects.update(account_label="canary-account")

    auditor = member(AUDITOR)
    page = auditor.get("/admin/integrations/event/").content
    answer = auditor.post("/admin/integrations/event/export/", {"format": "jsonl"})
    file = b"".join(answer.streaming_content)  # type: ignore[attr-defined]

    assert b"connected" in page.lower()
    assert b"canary-account" not in page
    assert b"canary-account" not in file
    assert b"canary-account" in member(SUPERUSER).get("/admin/integrations/event/").content


# -- the groups themselves


def table() -> dict[str, set[str]]:
    return {name: held_by(group) for group in Group.objects.all() if (name := group.name) in ROLES}


def test_the_migration_makes_what_the_table_says() -> None:
    Group.objects.all().delete()

    change(apps, "default", before={}, after=ROLES)

    assert table() == {name: set(held) for name, held in ROLES.items()}
    assert Permission.objects.filter(codename="export_event").count() == 1


def test_done_twice_it_changes_nothing_and_back_again_it_leaves_nothing() -> None:
    Group.objects.all().delete()
    change(apps, "default", before={}, after=ROLES)
    change(apps, "default", before={}, after=ROLES)
    assert len(table()) == 3

    change(apps, "default", before=ROLES, after={})

    assert table() == {}


def test_a_group_that_somebody_changed_is_theirs() -> None:
    Group.objects.all().delete()
    change(apps, "default", before={}, after=ROLES)
    Group.objects.get(name=VIEWER).permissions.clear()
    Group.objects.get(name=AUDITOR).delete()
    later = {name: (*held, "integrations.view_use") for name, held in ROLES.items()}

    change(apps, "default", before=ROLES, after=later)

    assert table() == {VIEWER: set(), OPERATOR: {*ROLES[OPERATOR], "integrations.view_use"}}
    change(apps, "default", before=later, after={})
    assert table() == {VIEWER: set()}


def test_a_group_of_the_same_name_that_was_there_before_is_left_alone() -> None:
    Group.objects.all().delete()
    Group.objects.create(name=OPERATOR)

    change(apps, "default", before={}, after=ROLES)

    assert table()[OPERATOR] == set()


def test_permissions_that_django_has_not_made_yet_are_made_once() -> None:
    Group.objects.all().delete()
    Permission.objects.filter(codename="view_bulkrevocation").delete()

    change(apps, "default", before={}, after=ROLES)

    assert Permission.objects.filter(codename="view_bulkrevocation").count() == 1
    assert "integrations.view_bulkrevocation" in table()[VIEWER]


def test_no_role_has_a_permission_that_is_not_there() -> None:
    for held in ROLES.values():
        for label in held:
            app_label, _, codename = label.partition(".")
            assert Permission.objects.filter(content_type__app_label=app_label, codename=codename).exists(), label


def test_registrations_of_the_sweep_include_every_model_of_admin() -> None:
    models = {str(model._meta.model_name) for model in admin.site._registry}

    assert models - NOBODYS == set(matrix()) - {"overview"}
