"""Which Chromium the tests drive."""

import shutil

#: The first is the same engine without a desktop's frame around it: it opens a page in a third of the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")


def executable() -> str:
    """The path of the first that is installed; of the last, where none is."""
    return next((path for name in NAMES if (path := shutil.which(name))), NAMES[-1])
