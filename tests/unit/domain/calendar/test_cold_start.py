"""A stack without windows and freezes loads nothing that only they need."""

from __future__ import annotations

import subprocess
import sys

SHOWN = """
import sys
import tagstream.adapters.store.freezes
import tagstream.reconcile.receive.deliver
import tagstream.reconcile.scan.changes
import tagstream.reconcile.scan.tick
import tagstream.reconcile.update.automations
wanted = ("tagstream.domain.calendar", "zoneinfo", "cronsim", "tzdata")
print(*(name for name in sys.modules if name.startswith(wanted)))
"""


def test_functions_start_without_zones_cron_and_calendars() -> None:
    done = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
