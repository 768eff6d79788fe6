"""The deployed stack has GitHub make its commits: the example of docs/commit-by-api.md, over a real repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.embedded.aws import EmbeddedStack
from tests.embedded.committing_hosts import BOT_EMAIL, SIGNED, TOKEN, CommittingGitHub, serving
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.registry import running_registry
from tests.embedded.system import System, documents

NAMESPACE = "committed"
PAGE = (Path(__file__).parents[2] / "docs/commit-by-api.md").read_text()
EXAMPLE = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


def document(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": NAMESPACE}
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def test_a_new_tag_becomes_a_commit_that_the_host_has_made(stack: EmbeddedStack, tmp_path: Path) -> None:
    with running_registry() as registry, git_server(tmp_path) as server:
        registry.add_tags("web", ["1.4.1", "1.4.2"])
        image = f"{registry.address}/web"
        marker = f'image: {image}:1.4.1 # {{"$imagepolicy": "{NAMESPACE}:web"}}\n'
        bare = bare_repository(tmp_path, "org/app.git", {"web.yaml": marker.encode()})
        with serving(CommittingGitHub(bare)) as host:
            system = System(stack=stack, registry=registry.address)
            source, automation = yaml.safe_load_all(EXAMPLE.replace("flux-system", NAMESPACE))
            # The host of the example is on loopback here, with its API beside it.
            source["spec"]["url"] = server.url("org/app.git")
            source["metadata"]["annotations"] = {
                "tagstream.dev/git-host": "github",
                "tagstream.dev/api-url": host.origin,
            }
            automation["metadata"]["annotations"]["tagstream.dev/debounce"] = "0s"
            secret = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "github", "namespace": NAMESPACE},
                "stringData": {"username": "bot", "password": TOKEN},
            }
            repository = document("ImageRepository", {"image": image, "interval": "1h"})
            policy = document(
                "ImagePolicy", {"imageRepositoryRef": {"name": "web"}, "policy": {"semver": {"range": "1.x"}}}
            )
            system.cli("apply", "-f", "-", stdin=documents(secret, source, automation, repository, policy))

            def head(form: str) -> str:
                return git("show", "--no-patch", f"--format={form}", "main", folder=bare).strip()

            stack.wait_for("the host's commit", lambda: head("%ae") == BOT_EMAIL)
            assert head("%B") == f"Update {image}:1.4.1 to {image}:1.4.2\n\n{SIGNED}"
            assert git("show", "main:web.yaml", folder=bare) == marker.replace("1.4.1", "1.4.2")
            commit = head("%H")
            stack.wait_for("the commit to be told", lambda: commit[:7] in system.cli("-n", NAMESPACE, "events"))
            branches = git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", folder=bare)
            assert branches.split() == ["main"]
            assert host.calls == ["graphql"]

            # The next tag is read from the branch that the host's commit is on.
            registry.add_tags("web", ["1.5.0"])
            system.cli("-n", NAMESPACE, "reconcile", "image", "repository", "web")
            stack.wait_for("the next commit", lambda: head("%H") != commit)
            assert git("rev-parse", "main^", folder=bare).strip() == commit
            assert "1.5.0" in git("show", "main:web.yaml", folder=bare)
