"""Completes words and flags in a shell: ``tagstream completion``. argcomplete asks the parser itself.

Source: flux2 cmd/flux/completion.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.cli.parser import build_parser
from tagstream.cli.session import Session

# argcomplete has one script for bash and zsh.
SCRIPTS: Mapping[str, str] = {"bash": "bash", "zsh": "bash", "fish": "fish"}


def completion(session: Session) -> int:
    """Run ``completion bash|zsh|fish``: print the script that the shell has to read."""
    from argcomplete.shell_integration import shellcode

    text = shellcode(["tagstream"], shell=SCRIPTS[session.args.shell])
    if session.args.shell == "zsh":
        text = f"autoload -U compinit && compinit\n{text}"
    session.console.verbatim(text.strip("\n"))
    return 0


def complete(environ: Mapping[str, str]) -> None:
    """Answer a shell that asks what can follow the words typed so far, and end the process."""
    import argcomplete

    argcomplete.autocomplete(build_parser(environ))
