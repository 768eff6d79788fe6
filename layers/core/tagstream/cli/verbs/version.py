"""Prints the versions of the command line and of the stack: ``tagstream version``.

Source: flux2 cmd/flux/version.go.
"""

from __future__ import annotations

from collections.abc import Mapping

import tagstream
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json, as_yaml

BEFORE = "unknown (older than the command line)"


def version(session: Session) -> int:
    """Run ``version [--client]``."""
    found: dict[str, str] = {"tagstream": f"v{tagstream.__version__}"}
    if not session.args.client:
        found |= stack_versions(session)
    if session.args.output:
        session.console.line((as_json(found) if session.args.output == "json" else as_yaml(found)).rstrip("\n"))
    else:
        for name, value in found.items():
            session.console.line(f"{name}: {value}")
    return 0


def stack_versions(session: Session) -> Mapping[str, str]:
    """Return the name of the stack, the version of its functions and the schema of its table."""
    told = session.operations.version()
    schema = str(session.table_schema())
    return {"stack": session.args.stack, "functions": f"v{told}" if told else BEFORE, "table schema": schema}
