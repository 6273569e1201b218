"""Whether clocks agree: the provider's with ours, and ours with the world's."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import timedelta

from integrations.flows.check_finding import Finding, found
from integrations.flows.check_visits import Reading

NEAR = timedelta(seconds=10)
#: What `Client.leeway_seconds` forgives in an id_token.
LEEWAY = timedelta(seconds=30)
PATIENCE_SECONDS = 3.0
_CHRONY = re.compile(r"^Leap status\s*:\s*(.+)$", re.MULTILINE)


def check_machine() -> Finding:
    """Ask this machine whether its clock is kept right, by timedatectl or else chronyc; neither is an error."""
    said = _ask("timedatectl", "show", "--property=NTPSynchronized", "--value").strip()
    if said in ("yes", "no"):
        return found(f"clock_{'' if said == 'yes' else 'not_'}synchronised", by="timedatectl")
    leap = _CHRONY.search(_ask("chronyc", "-n", "tracking"))
    if leap is not None:
        synchronised = leap[1].strip() != "Not synchronised"
        return found(f"clock_{'' if synchronised else 'not_'}synchronised", by="chronyc")
    return found("clock_sync_unknown")


def check_provider(readings: Sequence[Reading]) -> Finding:
    """Compare what the provider's answers say of the time with our clock. What a cache may have kept counts less."""
    fresh = [reading for reading in readings if reading.fresh] or list(readings)
    if not fresh:
        return found("provider_clock_unknown")
    reading = min(fresh, key=lambda each: abs(each.ahead))
    off = max(timedelta(), abs(reading.ahead) - reading.within)
    seconds, way = round(abs(reading.ahead).total_seconds()), "ahead of" if reading.ahead > timedelta() else "behind"
    if off <= NEAR:
        return found("provider_clock_ok", seconds=max(1, seconds))
    if off <= LEEWAY:
        return found("provider_clock_near", seconds=seconds, way=way, limit=round(LEEWAY.total_seconds()))
    return found("provider_clock_off", seconds=seconds, way=way)


def _ask(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603
            [path, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""
