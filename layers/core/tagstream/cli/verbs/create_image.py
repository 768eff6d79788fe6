"""Creates objects from flags: ``tagstream create image repository|policy|update`` and ``create source git``.

Source: flux2 cmd/flux/create_image_repository.go, create_image_policy.go, create_image_update.go, create_source_git.go.
"""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.cli.creation import document, store
from tagstream.cli.kinds import GIT, POLICY, REPOSITORY, UPDATE
from tagstream.cli.session import Session


def create_repository(session: Session) -> int:
    """Create an ImageRepository: ``create image repository NAME --image IMAGE``.

    Raises:
        CommandFailed: a required flag is missing, or the object is invalid or does not become ready.
    """
    args = session.args
    if not args.image:
        raise CommandFailed("an image repository (--image) is required")
    spec = {
        "image": args.image,
        "interval": args.interval,
        "timeout": args.scan_timeout,
        "provider": args.provider,
        "secretRef": {"name": args.secret_ref},
        "certSecretRef": {"name": args.cert_ref},
    }
    return store(session, REPOSITORY, document(session, REPOSITORY, spec))


def create_policy(session: Session) -> int:
    """Create an ImagePolicy: ``create image policy NAME --image-ref NAME --select-semver RANGE``.

    Raises:
        CommandFailed: flags are missing or contradict each other, or the object is invalid or does not become ready.
    """
    args = session.args
    if not args.image_ref:
        raise CommandFailed("the name of an ImageRepository in the namespace is required (--image-ref)")
    given = [bool(one) for one in (args.select_semver, args.select_alpha, args.select_numeric)]
    if sum(given) > 1:
        raise CommandFailed("only one of --select-semver, --select-alpha or --select-numeric can be specified")
    if not any(given):
        raise CommandFailed("a policy must be provided with either --select-semver, --select-alpha or --select-numeric")
    if args.filter_extract and not args.filter_regex:
        raise CommandFailed("cannot specify --filter-extract without specifying --filter-regex")
    spec = {
        "imageRepositoryRef": {"name": args.image_ref},
        "policy": {
            "semver": {"range": args.select_semver},
            "alphabetical": {"order": args.select_alpha},
            "numerical": {"order": args.select_numeric},
        },
        "filterTags": {"pattern": args.filter_regex, "extract": args.filter_extract},
        "digestReflectionPolicy": args.reflect_digest,
        "interval": args.interval,
    }
    return store(session, POLICY, document(session, POLICY, spec))


def create_update(session: Session) -> int:
    """Create an ImageUpdateAutomation: ``create image update NAME --git-repo-ref NAME --checkout-branch BRANCH …``.

    Raises:
        CommandFailed: a required flag is missing, or the object is invalid or does not become ready.
    """
    args = session.args
    for value, message in (
        (args.git_repo_ref, "a reference to a GitRepository is required (--git-repo-ref)"),
        (args.checkout_branch, "the Git repository branch is required (--checkout-branch)"),
        (args.author_name, "the author name is required (--author-name)"),
        (args.author_email, "the author email is required (--author-email)"),
    ):
        if not value:
            raise CommandFailed(message)
    update = {"path": args.git_repo_path, "strategy": "Setters"} if args.git_repo_path else {}
    spec = {
        "sourceRef": {"kind": "GitRepository", "name": args.git_repo_ref, "namespace": args.git_repo_namespace},
        "interval": args.interval,
        "git": {
            "checkout": {"ref": {"branch": args.checkout_branch}},
            "commit": {
                "author": {"name": args.author_name, "email": args.author_email},
                "messageTemplate": args.commit_template,
            },
            "push": {"branch": args.push_branch},
        },
        "update": update,
    }
    return store(session, UPDATE, document(session, UPDATE, spec))


def create_git(session: Session) -> int:
    """Create a GitRepository: ``create source git NAME --url URL --branch BRANCH``.

    Raises:
        CommandFailed: ``--url`` is missing, or the object is invalid.
    """
    args = session.args
    if not args.url:
        raise CommandFailed("url is required")
    spec = {
        "url": args.url,
        "interval": args.interval,
        "ref": {"branch": args.branch},
        "secretRef": {"name": args.secret_ref},
    }
    return store(session, GIT, document(session, GIT, spec))
