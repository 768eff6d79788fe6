"""Completes words, flags and names of objects in a shell: ``tagstream completion``. argcomplete asks the parser itself.

Source: flux2 cmd/flux/completion.go.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tagstream.cli.kinds import NAMESPACE
from tagstream.cli.parser import build_parser
from tagstream.cli.session import Session

if TYPE_CHECKING:
    from tagstream.ports.bundle import Ports

# argcomplete has one script for bash and zsh.
SCRIPTS: Mapping[str, str] = {"bash": "bash", "zsh": "bash", "fish": "fish"}
# Nobody waits longer for a TAB.
PATIENCE_S = 3.0


class _TooLate(BaseException):
    """The stack has not answered in time; no Exception, so that no library takes it for a fault and tries again."""


def completion(session: Session) -> int:
    """Run ``completion bash|zsh|fish``: print the script that the shell has to read."""
    from argcomplete.shell_integration import shellcode

    # The parameter is the name of a shell; no shell is run.
    text = shellcode(["tagstream"], shell=SCRIPTS[session.args.dialect])  # nosec B604
    if session.args.dialect == "zsh":
        text = f"autoload -U compinit && compinit\n{text}"
    session.console.verbatim(text.strip("\n"))
    return 0


def complete(environ: Mapping[str, str], connect: Callable[[str], Ports]) -> None:
    """Answer a shell that asks what can follow the words typed so far, and end the process.

    Args:
        environ: of the shell.
        connect: reaches a stack by its name, for the names of its objects.
    """
    import argcomplete

    parser = build_parser(environ)
    for action, kind in _names(parser):
        action.completer = _Names(kind, connect)
    argcomplete.autocomplete(parser)


def _names(parser: argparse.ArgumentParser) -> Iterator[tuple[Any, str]]:
    """Yield every argument that is a name of an object, with the kind."""
    target = parser.get_default("target")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in set(action.choices.values()):
                yield from _names(below)
        elif action.dest == "name" and target is not None:
            yield action, target.kind


class _Names:
    """Finds the names of the objects of a kind, in the stack and the namespace that the words name."""

    def __init__(self, kind: str, connect: Callable[[str], Ports]) -> None:
        self._kind, self._connect = kind, connect

    def __call__(self, parsed_args: argparse.Namespace, **_: object) -> Sequence[str]:
        """Return the names; none if the stack does not answer at once, or not at all."""
        try:
            with _patience():
                objects = self._connect(parsed_args.stack).objects
                namespace = parsed_args.namespace or parsed_args.usual_namespace
                where = None if self._kind == NAMESPACE.kind else namespace
                return [one.key.name for one in objects.list(self._kind, where)]
        except (Exception, _TooLate):
            # What is wrong with the stack is told by the command itself.
            return []


@contextmanager
def _patience() -> Iterator[None]:
    """Raise an exception when ``PATIENCE_S`` seconds are over."""

    def ring(number: int, frame: object) -> None:
        raise _TooLate

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
