"""The pages for people who come from another tool name everything of it, and commands and objects that work here."""

from __future__ import annotations

import re
import shlex

import pytest

from tagstream.cli.parser import parse
from tagstream.domain.objects import git, kustomization
from tagstream.reconcile.apply.validation import ANNOTATIONS
from tests.unit.cli.coming_from.pages import GUIDE, PAGES, commands, section, text, yaml_blocks
from tests.unit.cli.memory_ports import command

# flux --help, version 2.7.
FLUX = (
    *("bootstrap", "build", "check", "completion", "create", "debug", "delete", "diff", "envsubst", "events", "export"),
    *("get", "install", "list", "logs", "migrate", "pull", "push", "reconcile", "resume", "stats", "suspend", "tag"),
    *("trace", "tree", "uninstall", "version"),
)
# docs/configuration of argocd-image-updater: images.md, applications.md, the ImageUpdater object.
ARGO = (
    *("image-list", "update-strategy", "allow-tags", "ignore-tags", "pull-secret", "platforms", "force-update"),
    *("helm.image-name", "helm.image-tag", "helm.image-spec", "kustomize.image-name", "write-back-method"),
    *("write-back-target", "git-branch", "git-repository", "namePattern", "labelSelectors", "imageName", "alias"),
    *("updateStrategy", "allowTags", "ignoreTags", "pullSecret", "forceUpdate", "manifestTargets", "writeBackConfig"),
    *(
        "gitConfig",
        "writeBackTarget",
        "useAnnotations",
        "registries.conf",
        "--interval",
        "--dry-run",
        "newest-build",
        "pullRequest",
    ),
)
# docs/usage/configuration-options.md of renovate, as far as container images and their commits are concerned.
RENOVATE = (
    *("allowedVersions", "automerge", "baseBranches", "branchPrefix", "customManagers", "commitHourlyLimit"),
    *("enabledManagers", "extractVersion", "followTag", "gitAuthor", "gitPrivateKey", "groupName", "hostRules"),
    *("ignoreDeps", "ignorePaths", "ignoreUnstable", "matchDatasources", "matchPackageNames", "matchUpdateTypes"),
    *("minimumReleaseAge", "pinDigests", "postUpgradeTasks", "prConcurrentLimit", "prHourlyLimit", "rebaseWhen"),
    *("registryAliases", "registryUrls", "replacementName", "rollbackPrs", "schedule", "separateMajorMinor"),
    *("automergeType", "platformAutomerge", "labels", "reviewers", "draftPR"),
    *("timezone", "versioning", "vulnerabilityAlerts", "Dependency Dashboard", "dryRun"),
)
EVERY_COMMAND = [(page, one) for page in PAGES for one in commands(text(page))]
EVERY_BLOCK = [(page, block) for page in PAGES for block in yaml_blocks(page)]


def test_there_is_a_page_for_each_tool() -> None:
    assert PAGES == ("coming-from-argocd-image-updater.md", "coming-from-flux.md", "coming-from-renovate.md")
    assert len(EVERY_COMMAND) > 80


@pytest.mark.parametrize(("page", "line"), EVERY_COMMAND)
def test_a_command_on_such_a_page_is_one_the_command_line_takes(page: str, line: str) -> None:
    words = shlex.split(line.partition(" | ")[0])[1:]
    # A sentence may name a verb without the arguments that it needs.
    is_named_only = "…" in line or words in (["apply"], ["diff"])
    assert is_named_only or "--help" in words or parse(words) is not None


@pytest.mark.parametrize(("page", "block"), EVERY_BLOCK)
def test_the_objects_of_such_a_page_can_be_applied(page: str, block: str) -> None:
    done = command("apply", "--dry-run=client", "-f", "-", stdin=block)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("word", FLUX)
def test_the_page_for_flux_names_every_command_of_flux(word: str) -> None:
    assert re.search(rf"`[^`]*\b{word}\b[^`]*`", section(GUIDE, "Every command of flux"))


@pytest.mark.parametrize("word", ARGO)
def test_the_page_for_argo_names_every_setting_of_the_updater(word: str) -> None:
    assert word in text("coming-from-argocd-image-updater.md")


@pytest.mark.parametrize("word", RENOVATE)
def test_the_page_for_renovate_names_every_setting_for_images(word: str) -> None:
    assert word in text("coming-from-renovate.md")


@pytest.mark.parametrize("field", [*git.NOT_USED, *kustomization.NOT_USED, *kustomization.NOT_BUILT])
def test_the_page_for_flux_names_every_field_that_has_no_meaning_here(field: str) -> None:
    assert f"`{field}`" in section(GUIDE, "Fields without a meaning here")


def test_every_annotation_on_such_a_page_exists() -> None:
    known = {name for names in ANNOTATIONS.values() for name in names}
    named = {name for page in PAGES for name in re.findall(r"tagstream\.dev/[a-z-]*[a-z]", text(page))}
    assert len(named) > 10
    assert named - known == set()


def test_every_row_has_a_counterpart_or_a_reason() -> None:
    rows = [line for page in PAGES for line in text(page).splitlines() if line.startswith("| ")]
    assert [row for row in rows if not re.fullmatch(r"\| .+ \| .+ \|", row)] == []
