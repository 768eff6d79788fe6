"""The demo: on this machine, a push to a registry becomes a Git commit, through the deployed template."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.embedded.aws import EmbeddedAws, start
from tests.embedded.demo_commands import Place, commands
from tests.embedded.git_server import bare_repository, git
from tests.embedded.system import PASSWORD, USER, Server, System, documents, start_page, start_server

DATA = Path(__file__).parents[1] / "data" / "demo"
NAMESPACE, IMAGE, FILE = "flux-system", "shop/app", "apps/app.yaml"
OLD, NEW, NEXT = "1.0.0", "1.1.0", "1.2.0"
LOOKS = (("get", "images", "repository"), ("get", "images", "policy"), ("get", "images", "update"), ("events",))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """The servers of the demo, and the folder that has its Git repository."""

    aws: EmbeddedAws
    registry: Server
    git: Server
    folder: Path


def main() -> int:
    """Run the demo; returns 0 if the commit was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running and say how to talk to it")
    keep = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="tagstream-demo-"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        started = _start(folder, keep, cleanup)
        with _step("building and deploying template.yaml with sam (the first build takes a minute)"):
            stack = started.aws.deploy("tagstream", TickState="ENABLED")
        system = System(stack=stack, registry=started.registry.address)
        token = secrets.token_hex(16)
        bare = _filled(system, started)
        _apply(system, started, token)
        _show_push(system, bare, token)
        if keep:
            cleanup.pop_all()
            _say_how_to_talk(system, started, bare, token)
        else:
            print("Everything is stopped and removed again. To leave it running and try more: make demo KEEP=1")
    return 0


def _start(folder: Path, keep: bool, cleanup: contextlib.ExitStack) -> _Started:
    """Start the embedded AWS, the registry and the Git server.

    Each is registered for cleanup as soon as it runs, so that it is stopped even if the next one fails to start.
    """
    with _step("starting an embedded AWS, a registry and a Git server on loopback"):
        aws = start(keep=keep)
        cleanup.callback(aws.stop)
        registry = start_server("registry", keep=keep)
        cleanup.callback(registry.stop)
        users = ("--user", f"{USER}:{PASSWORD}")
        git_server = start_server("git_server", "--root", str(folder), *users, keep=keep)
        cleanup.callback(git_server.stop)
    return _Started(aws=aws, registry=registry, git=git_server, folder=folder)


def _filled(system: System, started: _Started) -> Path:
    """Push the image that runs today, and make the Git repository that says so."""
    with _step(f"pushing {system.registry}/{IMAGE}:{OLD} and a Git repository that runs it"):
        system.push(f"{system.registry}/{IMAGE}", OLD)
        deployment = _pointed(DATA / "fleet" / FILE, started)
        return bare_repository(started.folder, "fleet.git", {FILE: deployment})


def _apply(system: System, started: _Started, token: str) -> None:
    with _step("tagstream apply -f objects.yaml (Flux's objects, and two secrets)"):
        hook = _secret("hook", token=token)
        login = _secret("git", username=USER, password=PASSWORD)
        objects = _pointed(DATA / "objects.yaml", started)
        system.cli("apply", "-f", "-", stdin=b"\n---\n".join((documents(login, hook), objects)))
        system.stack.wait_for("the first selection", lambda: OLD in system.cli("get", "images", "policy", *_here()))
        # The first run finds the repository as it should be. The push below is then all that happens.
        system.stack.wait_for("the first run", lambda: "True" in system.cli("get", "images", "update", *_here()))


def _show_push(system: System, bare: Path, token: str) -> None:
    image, path = f"{system.registry}/{IMAGE}", system.hook_path("pushes", NAMESPACE)
    with _step(f"pushing {image}:{NEW}, and telling the webhook as a registry does"):
        began = time.monotonic()
        system.push(image, NEW)
        answered = system.deliver(path, token, {"image": image, "tag": NEW})
    if answered.status != 200:
        raise SystemExit(f"the webhook answered {answered.status}")
    with _step("scanning, selecting, committing"):
        system.stack.wait_for("the commit", lambda: f":{NEW}" in git("show", f"main:{FILE}", folder=bare))
        took_s = time.monotonic() - began
        # The status is written after the push.
        wanted = git("rev-parse", "main", folder=bare).strip()
        system.stack.wait_for(
            "the status", lambda: wanted in system.cli("get", "images", "update", "-o", "json", *_here())
        )
    for words in LOOKS:
        print(f"=== tagstream {' '.join(words)}")
        _show(system, *words)
    print("=== git show main")
    print("\n".join(line for line in git("show", "--unified=1", "main", folder=bare).splitlines() if line.strip()))
    print(f"=== From push to commit: {took_s:.1f} s, with functions that start for the first time.")


def _show(system: System, *words: str) -> None:
    """Print what a command prints: for a terminal, if this is one."""
    if sys.stdout.isatty():
        sys.stdout.flush()
        system.run(*words, *_here())
    else:
        print("\n".join(line.rstrip() for line in system.cli(*words, *_here()).splitlines() if line.strip()))


def _here() -> Sequence[str]:
    return ("-n", NAMESPACE)


def _pointed(path: Path, started: _Started) -> bytes:
    """A file of the sample, with the servers that run now."""
    text = path.read_text().replace("REGISTRY", started.registry.address)
    return text.replace("GIT", f"http://{started.git.address}/fleet.git").encode()


def _secret(name: str, **data: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def _say_how_to_talk(system: System, started: _Started, bare: Path, token: str) -> None:
    stack, url = system.stack, urlsplit(system.stack.outputs["WebhookUrl"])
    # Without a display, the browser that Python finds would take this terminal.
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    page = start_page(stack, *_here(), *(() if has_display else ("--no-browser",)))
    path = system.hook_path("pushes", NAMESPACE)
    place = Place(
        environ={**stack.environ, "TAGSTREAM_STACK": stack.name, "TAGSTREAM_NAMESPACE": NAMESPACE},
        image=f"{started.registry.address}/{IMAGE}",
        # The name of a Function URL is known to AWS's DNS only; the embedded AWS takes its first label in the path too.
        hook=f"{started.aws.endpoint}/_aws/lambda-url/{url.netloc.partition('.')[0]}{path}",
        token=token,
        git=f"http://{USER}:{PASSWORD}@{started.git.address}/fleet.git",
        bare=bare,
        pids=tuple(one.process.pid for one in (started.aws, started.registry, started.git, page)),
        folders=(started.aws.folder, started.folder),
    )
    print(f"=== What runs where: http://{page.address}/?namespace={NAMESPACE}")
    print("=== Everything is still up. These lines can be pasted into a shell:")
    print("\n".join(commands(place, old=NEW, new=NEXT, has_skopeo=shutil.which("skopeo") is not None)))


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"{what} … ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
