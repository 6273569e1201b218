"""Static files that are looked for once a process: each of Django's test clients makes the middleware anew."""

from typing import Any, ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, as it serves them in earnest; what it found for the same settings, it does not look for again."""

    files: dict[str, Any]
    found: ClassVar[dict[tuple[object, ...], dict[str, Any]]] = {}

    def add_files_from_finders(self) -> None:
        settings = (self.static_prefix, self.max_age, self.charset, self.allow_all_origins)
        collected, self.files = self.files, {}
        if settings not in self.found:
            super().add_files_from_finders()
            self.found[settings] = self.files
        self.files = collected | self.found[settings]
