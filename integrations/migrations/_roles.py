"""Bring permissions to the groups that migrations made, and to no group that an operator has changed since.

    operations = [bring(before=<the table as the last such migration left it>, after=<the table from now on>)]

Both tables are written out in the migration: what a migration does must not change with the code. A group is set to
`after` when its permissions are exactly `before`; a group that was edited, or was deleted, is left as it is. Going back
is the same with the tables exchanged. Permissions and content types that are missing are made here, since Django makes
its own only when all migrations are through; it finds these and adds nothing.
"""

from collections.abc import Mapping
from typing import Any

from django.db.migrations import RunPython

type Table = Mapping[str, tuple[str, ...]]

DEFAULT_NAMES = {"add": "Can add", "change": "Can change", "delete": "Can delete", "view": "Can view"}


def bring(*, before: Table, after: Table) -> RunPython:
    """The operation of a migration. It wants the latest migrations of `auth` and `contenttypes` before it."""
    return RunPython(
        lambda apps, editor: change(apps, editor.connection.alias, before=before, after=after),
        lambda apps, editor: change(apps, editor.connection.alias, before=after, after=before),
    )


def change(apps: Any, alias: str, *, before: Table, after: Table) -> None:
    """Set each group from what it was to what it becomes; one that is not in `after` goes."""
    groups = apps.get_model("auth", "Group").objects.using(alias)
    for name in sorted({*before, *after}):
        group = groups.filter(name=name).first()
        if name not in before:
            if group is not None:
                continue
            group = groups.create(name=name)
        elif group is None or held_by(group) != {*before[name]}:
            continue
        if name in after:
            group.permissions.set([permission(apps, alias, label) for label in after[name]])
        else:
            group.delete()


def held_by(group: Any) -> set[str]:
    """A group's permissions, as `app_label.codename`."""
    return {
        f"{app_label}.{codename}"
        for app_label, codename in group.permissions.values_list("content_type__app_label", "codename")
    }


def permission(apps: Any, alias: str, label: str) -> Any:
    """The row of a permission such as `integrations.view_event`; the model is what follows the first underscore."""
    app_label, _, codename = label.partition(".")
    verb, _, model = codename.partition("_")
    types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type, _ = types.get_or_create(app_label=app_label, model=model)
    rows = apps.get_model("auth", "Permission").objects.using(alias)
    name = f"{DEFAULT_NAMES.get(verb, f'Can {verb}')} {model}"
    row, _ = rows.get_or_create(content_type=content_type, codename=codename, defaults={"name": name})
    return row
