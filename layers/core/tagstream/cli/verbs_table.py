"""The table of verbs: their help texts, and the functions that run them, which are imported only when they run."""

from __future__ import annotations

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "apply": "Validate manifests, then store their objects and secrets",
    "get": "Get objects and their status",
    "reconcile": "Reconcile an object now and wait for the outcome",
    "suspend": "Suspend objects",
    "resume": "Resume suspended objects",
    "freeze": "Stop every push at once: of an automation, a namespace or all",
    "thaw": "Lift a freeze, so that what waits is pushed",
    "export": "Print objects as manifests",
    "delete": "Delete an object",
    "create": "Create or update objects and secrets",
    "events": "Show what happened: selections, commits, deliveries, failures",
    "logs": "Show what the functions wrote",
    "webhook-url": "Print the address a sender has to deliver to",
    "explain": "Explain what a policy selects, tag by tag",
    "lint": "Check manifests and every marker of a working tree (offline)",
    "diff": "Show what an update would change in a working tree (offline with --ref)",
}
RUN: Mapping[str, str] = {
    "apply": "tagstream.cli.verbs.apply:apply",
    "get": "tagstream.cli.verbs.get:get",
    "get all": "tagstream.cli.verbs.get:get_all",
    "reconcile": "tagstream.cli.verbs.reconcile:reconcile",
    "suspend": "tagstream.cli.verbs.suspend:suspend",
    "resume": "tagstream.cli.verbs.suspend:resume",
    "freeze": "tagstream.cli.verbs.freeze:freeze",
    "thaw": "tagstream.cli.verbs.freeze:thaw",
    "export": "tagstream.cli.verbs.export:export",
    "delete": "tagstream.cli.verbs.delete:delete",
    "create image repository": "tagstream.cli.verbs.create_image:create_repository",
    "create image policy": "tagstream.cli.verbs.create_image:create_policy",
    "create image update": "tagstream.cli.verbs.create_image:create_update",
    "create source git": "tagstream.cli.verbs.create_image:create_git",
    "create secret git": "tagstream.cli.verbs.create_secret:create_git",
    "create secret oci": "tagstream.cli.verbs.create_secret:create_oci",
    "create secret tls": "tagstream.cli.verbs.create_secret:create_tls",
    "create secret proxy": "tagstream.cli.verbs.create_secret:create_proxy",
    "create secret receiver": "tagstream.cli.verbs.create_secret:create_receiver",
    "create secret generic": "tagstream.cli.verbs.create_secret:create_generic",
    "events": "tagstream.cli.verbs.events:events",
    "logs": "tagstream.cli.verbs.logs:logs",
    "webhook-url": "tagstream.cli.verbs.webhook_url:webhook_url",
    "explain": "tagstream.cli.verbs.explain:explain",
    "lint": "tagstream.cli.verbs.lint:lint",
    "diff": "tagstream.cli.verbs.diff:diff",
}
