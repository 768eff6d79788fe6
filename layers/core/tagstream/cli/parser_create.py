"""Defines the arguments of ``tagstream create``.

Source: flux2 cmd/flux/create_image_*.go, create_secret_*.go (names of flags).
"""

from __future__ import annotations

import argparse

from tagstream.cli.parser_stack import Parsers, add_group, add_verb
from tagstream.cli.verbs_table import HELP


def add_create(verbs: Parsers) -> None:
    """Add ``create image|source|secret KIND NAME`` to the parser."""
    group = add_group(verbs, "create", HELP["create"])
    images = add_group(group, "image", "image objects")
    _add_repository(images)
    _add_policy(images)
    _add_update(images)
    sources = add_group(group, "source", "Git repositories")
    parser = _leaf(sources, "git", "create source git", "GitRepository")
    parser.add_argument("--interval", default="1m0s", help="kept for Flux (default 1m0s)")
    _texts(parser, ("--url", "address"), ("--branch", "branch"), ("--secret-ref", "secret with credentials"))
    _add_receiver(group)
    _add_alerts(group)
    secrets = add_group(group, "secret", "secrets with Flux's keys")
    _add_git_secret(secrets)
    _add_other_secrets(secrets)


def add_bootstrap(verbs: Parsers) -> None:
    """Add ``bootstrap`` to the parser."""
    parser = add_verb(verbs, "bootstrap", "bootstrap")
    _texts(
        parser,
        ("--url", "address of the repository"),
        ("--branch", "branch to sync from"),
        ("--path", "folder with the objects, from the root of the repository"),
        ("--secret-ref", "secret with credentials, see create secret git"),
    )
    parser.add_argument("--name", default="fleet", help="name of the GitRepository and the Kustomization (fleet)")
    parser.add_argument("--interval", default="10m0s", help="between looks for changes by hand (default 10m0s)")
    parser.add_argument("--source-interval", default="1m0s", help="between looks for commits (default 1m0s)")
    parser.add_argument("--no-prune", action="store_true", help="keep objects that vanish from Git")
    parser.add_argument("--export", action="store_true", help="print the manifests instead of storing them")
    parser.set_defaults(label=[])


def _leaf(group: Parsers, name: str, verb: str, kind: str) -> argparse.ArgumentParser:
    parser = add_verb(group, name, verb, f"Create or update: {kind}")
    parser.add_argument("name", help="name of the object or the secret")
    parser.add_argument("--export", action="store_true", help="print the manifest instead of storing it")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="set a label (repeatable)")
    return parser


def _texts(parser: argparse.ArgumentParser, *options: tuple[str, str]) -> None:
    for flag, text in options:
        parser.add_argument(flag, default="", help=text)


def _add_repository(images: Parsers) -> None:
    parser = _leaf(images, "repository", "create image repository", "ImageRepository")
    parser.add_argument("--interval", default="1m0s", help="between scans (default 1m0s)")
    _texts(
        parser,
        ("--image", "the image to scan, e.g. ghcr.io/org/app"),
        ("--secret-ref", "secret with registry credentials"),
        ("--cert-ref", "secret with TLS certificates"),
        ("--scan-timeout", "longest scan"),
        ("--provider", "generic, aws, azure or gcp"),
    )


def _add_policy(images: Parsers) -> None:
    parser = _leaf(images, "policy", "create image policy", "ImagePolicy")
    _texts(
        parser,
        ("--image-ref", "the ImageRepository"),
        ("--select-semver", "range, e.g. 1.x"),
        ("--select-alpha", "asc or desc"),
        ("--select-numeric", "asc or desc"),
        ("--filter-regex", "pattern that tags must match"),
        ("--filter-extract", "what of a match is compared, e.g. $version"),
        ("--reflect-digest", "Always, IfNotPresent or Never"),
        ("--interval", "between digest checks, with --reflect-digest=Always"),
    )


def _add_update(images: Parsers) -> None:
    parser = _leaf(images, "update", "create image update", "ImageUpdateAutomation")
    parser.add_argument("--interval", default="1m0s", help="between runs without a change (default 1m0s)")
    _texts(
        parser,
        ("--git-repo-ref", "the GitRepository"),
        ("--git-repo-namespace", "its namespace, when it is another one"),
        ("--git-repo-path", "folder of the manifests to update"),
        ("--checkout-branch", "branch to read"),
        ("--push-branch", "branch to write, when it is another one"),
        ("--commit-template", "template of commit messages"),
        ("--author-name", "author of commits"),
        ("--author-email", "author's address"),
    )


def _add_receiver(group: Parsers) -> None:
    parser = _leaf(group, "receiver", "create receiver", "Receiver")
    _texts(parser, ("--type", "of the sender, e.g. quay"), ("--secret-ref", "secret with the token"))
    parser.add_argument(
        "--resource", action="append", default=[], metavar="KIND/NAME", help="what a delivery is for (repeatable)"
    )
    parser.add_argument("--event", action="append", default=[], help="of the sender, to react to (repeatable)")


def _add_alerts(group: Parsers) -> None:
    parser = _leaf(group, "alert", "create alert", "Alert")
    parser.add_argument(
        "--event-source",
        action="append",
        default=[],
        metavar="KIND/NAME[.NAMESPACE]",
        help="objects whose events are sent; * for all names (repeatable)",
    )
    parser.add_argument("--event-severity", default="info", help="info (everything) or error")
    _texts(parser, ("--provider-ref", "the Provider"))
    parser = _leaf(group, "alert-provider", "create alert-provider", "Provider")
    _texts(
        parser,
        ("--type", "slack, msteams, generic, github …"),
        ("--channel", "channel within the service"),
        ("--username", "name to post under"),
        ("--address", "where to send to; it belongs into a secret if it is one"),
        ("--secret-ref", "secret with address, token, headers, proxy …"),
    )


def _add_git_secret(secrets: Parsers) -> None:
    parser = _leaf(secrets, "git", "create secret git", "Git credentials")
    _texts(
        parser,
        ("--url", "address the secret is for"),
        ("--bearer-token", "token instead of a password"),
        ("--ca-crt-file", "CA of the server"),
        ("--tls-crt-file", "client certificate"),
        ("--tls-key-file", "client key"),
        ("--private-key-file", "SSH key"),
        ("--known-hosts-file", "SSH host keys"),
    )
    _add_login(parser)


def _add_login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-u", "--username", default="", help="who signs in")
    parser.add_argument("-p", "--password", default="", help="- reads it from stdin")


def _add_other_secrets(secrets: Parsers) -> None:
    parser = _leaf(secrets, "oci", "create secret oci", "registry credentials")
    _texts(parser, ("--url", "registry or image, e.g. ghcr.io"))
    _add_login(parser)
    parser = _leaf(secrets, "tls", "create secret tls", "certificates")
    _texts(parser, ("--ca-crt-file", "CA"), ("--tls-crt-file", "certificate"), ("--tls-key-file", "key"))
    parser = _leaf(secrets, "proxy", "create secret proxy", "a proxy")
    _texts(parser, ("--address", "http, https or socks5 URL"))
    _add_login(parser)
    parser = _leaf(secrets, "receiver", "create secret receiver", "a Receiver's token")
    _texts(parser, ("--token", "made up when not given; - reads it from stdin"), ("--email-claim", "gcr: sender"))
    parser = _leaf(secrets, "generic", "create secret generic", "any keys")
    parser.add_argument(
        "--from-literal", action="append", default=[], metavar="KEY=VALUE", help="a key and its value (repeatable)"
    )
    parser.add_argument(
        "--from-file", action="append", default=[], metavar="[KEY=]FILE", help="a key and its value's file (repeatable)"
    )
