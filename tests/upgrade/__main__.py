"""`make upgrade`: deploys the last release on the embedded AWS, then this version, while tags are pushed.

Nothing may be lost, committed twice or broken, and the table must have this version's schema in the end. It takes some
minutes, most of them for the build of the last release, so it is not part of `make test`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tagstream.ports.schema import SCHEMA
from tests.aws_check.deployment import sam_deploy
from tests.embedded.aws import BUCKET, ROOT, EmbeddedAws, EmbeddedStack, running
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import System, documents
from tests.upgrade.release import LAST_RELEASE, built_release

NAMESPACE, NAME = "upgraded", "web"
PARAMETERS = {"TickState": "DISABLED", "BatchingWindowSeconds": "0"}


def main() -> int:
    """Run the upgrade; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", default=LAST_RELEASE, help="the commit of the last release")
    release = parser.parse_args().release
    with tempfile.TemporaryDirectory() as name, running() as aws, running_registry() as registry:
        folder = Path(name)
        (folder / "git").mkdir()
        with git_server(folder / "git") as server:
            marker = f'image: {registry.address}/{NAME}:1.0.0 # {{"$imagepolicy": "{NAMESPACE}:{NAME}"}}\n'
            bare = bare_repository(folder / "git", "web.git", {"web.yaml": marker.encode()})
            old = _deployed(aws, built_release(release, folder / "old"))
            print(f"{release[:7]} is deployed", flush=True)
            _upgraded(aws, old, registry, bare, server.url("web.git"))
    print("the upgrade lost nothing")
    return 0


def _deployed(aws: EmbeddedAws, template: Path) -> EmbeddedStack:
    sam_deploy(template, "tagstream", BUCKET, PARAMETERS, aws.environ)
    return aws.stack("tagstream")


def _upgraded(aws: EmbeddedAws, old: EmbeddedStack, registry: Registry, bare: Path, url: str) -> None:
    system = System(stack=old, registry=registry.address)
    registry.add_tags(NAME, ["1.0.0", "1.1.0"])
    system.cli("apply", "-f", "-", stdin=_objects(registry, url))
    old.wait_for("a commit of the last release", lambda: _value(bare) == "1.1.0")
    # In the middle of work: a push just before, and one while the functions are replaced.
    registry.add_tags(NAME, ["1.2.0"])
    deploying = subprocess.Popen([sys.executable, "-c", _PUSHER, registry.address, NAME, "1.3.0"], cwd=ROOT)
    old.tick()
    new = aws.deploy()
    deploying.wait(60)
    end = time.monotonic() + 120
    while _value(bare) != "1.3.0" and time.monotonic() < end:
        system.cli("reconcile", "image", "repository", NAME, "-n", NAMESPACE, "--no-wait")
        new.tick()
        time.sleep(1)
    _check(system, new, bare)


def _check(system: System, new: EmbeddedStack, bare: Path) -> None:
    assert _value(bare) == "1.3.0", f"the marker has {_value(bare)}"
    values = [_value(bare, one) for one in git("rev-list", "--reverse", "main", folder=bare).split()]
    assert values == sorted(set(values)), f"the marker went {values}"
    schemas = [int(item["version"]["N"]) for item in new.table_items() if item["pk"]["S"] == "schema"]
    assert schemas == [SCHEMA], f"the table has schema {schemas}"
    broken = system.cli("get", "images", "all", "-n", NAMESPACE, "--status-selector", "ready=false", "-o", "name")
    assert broken == "", f"not ready: {broken}"


def _value(bare: Path, commit: str = "main") -> str:
    return git("show", f"{commit}:web.yaml", folder=bare).split(" # ")[0].rpartition(":")[2]


def _objects(registry: Registry, url: str) -> bytes:
    image, metadata = "image.toolkit.fluxcd.io/v1", {"name": NAME, "namespace": NAMESPACE}
    author = {"author": {"email": "bot@example.com"}}
    specs = (
        ("source.toolkit.fluxcd.io/v1", "GitRepository", {"url": url, "interval": "1m", "ref": {"branch": "main"}}),
        (image, "ImageRepository", {"image": f"{registry.address}/{NAME}", "interval": "1m"}),
        (image, "ImagePolicy", {"imageRepositoryRef": {"name": NAME}, "policy": {"semver": {"range": ">=1.0.0"}}}),
        (
            image,
            "ImageUpdateAutomation",
            {"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": NAME}, "git": {"commit": author}},
        ),
    )
    listed = [
        {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec} for version, kind, spec in specs
    ]
    return documents(*listed)


_PUSHER = """
import sys, time
from tests.embedded.push import push_image
time.sleep(3)
push_image(sys.argv[1], sys.argv[2], sys.argv[3], b"layer")
"""

if __name__ == "__main__":
    sys.exit(main())
