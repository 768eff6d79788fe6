"""Asks for known vulnerabilities of the pinned packages, if the data for it can be reached: a part of `make lint`.

A version that is known to be vulnerable is asked about first. If its vulnerabilities are not told within a few seconds,
there is no data here: one line says so, and nothing fails. `make audit` asks without that question.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
# CVE-2019-10906 and later ones.
VULNERABLE = "jinja2==2.10"
PROBE_S, AUDIT_S = 6.0, 120.0


def vulnerabilities(requirements: Path, within_s: float) -> Mapping[str, list[str]] | None:
    """Return the ids of what is known of each package, by ``name version``; None if nobody could be asked in time."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    options = ["--timeout", "3", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=within_s, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return {
        f"{one['name']} {one.get('version', '')}": [known["id"] for known in one["vulns"]]
        for one in packages
        if one.get("vulns")
    }


def has_data() -> bool:
    """Tell whether pip-audit learns here that a vulnerable version is vulnerable."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(f"{VULNERABLE}\n")
        return bool(vulnerabilities(requirements, PROBE_S))


def main() -> int:
    """Return 1 only if a pinned package is known to be vulnerable."""
    found = vulnerabilities(LOCK, AUDIT_S) if has_data() else None
    if found is None:
        print("pip-audit was left out: its data about vulnerable packages cannot be reached from here", flush=True)
        return 0
    for package, known in found.items():
        print(f"{package} is known to be vulnerable: {', '.join(known)}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
