"""The steps of the check, in their order: from empty repositories to a commit, what is refused, what is left over."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets as entropy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.aws_check import deployment
from tests.aws_check import names as naming
from tests.aws_check.cleanup import Cleanup
from tests.aws_check.command_line import tagstream
from tests.aws_check.git import push_files, read_file
from tests.aws_check.names import MANIFEST, NAMESPACE, Names
from tests.aws_check.report import Report, StepFailed
from tests.aws_check.rights import Targets, wrong_answers, wrong_outcomes
from tests.aws_check.site import RegistryPlace, Site
from tests.embedded.push import push_image

FIRST, SECOND, THIRD = "1.0.0", "1.1.0", "1.2.0"
# EventBridge promises no time; pushes are seen within seconds, and the tick comes once a minute.
PATIENCE_S = 240.0


@dataclass(slots=True, kw_only=True)
class Check:
    """One run. ``template`` is what `sam build` made; it is needed only if the stack is not there yet.

    ``targets`` and ``url`` (the Receiver's) are found on the way; ``token`` is the Receiver's for this run.
    """

    site: Site
    names: Names
    report: Report
    template: Path
    targets: Targets | None = None
    url: str = ""
    token: str = field(default_factory=lambda: entropy.token_hex(24), repr=False)

    def run(self) -> None:
        """Do every step.

        Raises:
            CannotGoOn: a step has failed that the others need.
        """
        for name, instead in self.site.lacks.items():
            self.report.note(f"this AWS lacks {name}: {instead}")
        step = self.report.step
        with step("what an earlier run left is removed", needed=True):
            self._cleanup().remove_contents()
        with step("a repository in ECR and one in CodeCommit are made", needed=True):
            self._make_repositories()
        with step("the stack is there", needed=True):
            self._find_or_deploy()
        with step("each alarm of the template exists"):
            self._expect_alarms()
        with step("the dashboard shows the stack"):
            self._expect_dashboard()
        with step(f"tag {FIRST} is pushed to ECR and named in a file in CodeCommit", needed=True):
            self._fill_repositories()
        with step("secrets and objects are applied", needed=True):
            self._apply()
        with step(f"the policy selects {FIRST}", needed=True):
            self._wait("no selection", lambda: self._selected() == FIRST)
        with step(f"a push of {SECOND} becomes a commit"):
            self._push_and_see(SECOND, announced="ecr-events" in self.site.lacks)
        with step("the webhook refuses what is not signed, and what is signed wrongly"):
            self._deliver_forged()
        with step(f"the webhook accepts a signed delivery, and {THIRD} becomes a commit"):
            self._push_and_see(THIRD, announced=True)
        with step("IAM's simulator refuses each right that a role must not have"):
            self._expect_none(wrong_answers(self.site, self._targets()), "answers")
        with step("each role is refused what it tries beyond its rights"):
            self._expect_none(wrong_outcomes(self.site, self._targets()), "calls")
        with step("no dead-letter queue has a message"):
            self._expect_no_dead_letters()

    def clean(self) -> None:
        """Remove everything that the check has made, whatever of it is there; print what could not be removed."""
        with self.report.step("everything that the check has made is removed"):
            left = self._cleanup().remove_all()
            if left:
                raise StepFailed("these are left, remove them by hand: " + "; ".join(left))
        self.report.note("metrics of the namespace ImageAutomation cannot be deleted; they expire by themselves")

    def _cleanup(self) -> Cleanup:
        return Cleanup(site=self.site, names=self.names)

    def _targets(self) -> Targets:
        assert self.targets is not None, "the stack is there"
        return self.targets

    def _make_repositories(self) -> None:
        name = self.names.repository
        self.site.client("ecr").create_repository(
            repositoryName=name, tags=[{"Key": naming.TAG, "Value": self.names.stack}]
        )
        self.site.client("codecommit").create_repository(repositoryName=name, repositoryDescription=naming.DESCRIPTION)

    def _find_or_deploy(self) -> None:
        found = deployment.stack_of(self.site, self.names.stack)
        if found is None or deployment.is_throw_away(found):
            found = deployment.deploy(self.site, self.names, self.template)
        else:
            self.report.note(
                f"stack {self.names.stack} was there before and stays; its parameters decide what it may do"
            )
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}
        physical = deployment.physical_names(self.site, self.names.stack)
        self.targets = Targets(names=self.names, outputs=outputs, physical=physical)

    def _expect_alarms(self) -> None:
        wanted = deployment.physical_names(self.site, self.names.stack, "AWS::CloudWatch::Alarm")
        answer = self.site.client("cloudwatch").describe_alarms(AlarmNames=list(wanted.values()), MaxRecords=100)
        found = {one["AlarmName"] for one in answer["MetricAlarms"]}
        missing = [logical for logical, name in wanted.items() if name not in found]
        if missing or not wanted:
            raise StepFailed(f"of {len(wanted)} alarms these are missing: {', '.join(missing)}")

    def _expect_dashboard(self) -> None:
        body = self.site.client("cloudwatch").get_dashboard(DashboardName=self.names.stack)["DashboardBody"]
        if not json.loads(body)["widgets"] or self.names.stack not in body:
            raise StepFailed("it has no widgets, or none about this stack")

    def _registry(self) -> RegistryPlace:
        answer = self.site.client("ecr").describe_repositories(repositoryNames=[self.names.repository])
        return self.site.registry(answer["repositories"][0]["repositoryUri"])

    def _push(self, tag: str) -> str:
        place = self._registry()
        push_image(place.url, place.repository, tag, tag.encode(), place.session)
        return place.image

    def _fill_repositories(self) -> None:
        image = self._push(FIRST)
        push_files(self.site.git(self.names.repository), {MANIFEST: naming.manifest(image, FIRST)})

    def _apply(self) -> None:
        registry, git = self._registry(), self.site.git(self.names.repository)
        self._cli("apply", "-f", "-", stdin=naming.stream(naming.secrets(self.token, git.secret)))
        self._cli("apply", "-f", "-", stdin=naming.stream(naming.objects(registry.image, git.url, registry.provider)))

    def _selected(self) -> str:
        shown = json.loads(self._cli("get", "images", "policy", "app", "-n", NAMESPACE, "-o", "json"))
        found: Mapping[str, Any] = shown["items"][0] if "items" in shown else shown
        return str(found.get("status", {}).get("latestRef", {}).get("tag", ""))

    def _push_and_see(self, tag: str, *, announced: bool) -> None:
        image = self._push(tag)
        pushed = time.monotonic()
        if announced:
            self._deliver_signed(image, tag)
        wanted = naming.manifest(image, tag)
        self._wait("no commit", lambda: read_file(self.site.git(self.names.repository), MANIFEST) == wanted)
        self.report.note(f"seen in Git {time.monotonic() - pushed:.1f} s after the push")

    def _deliver_signed(self, image: str, tag: str) -> None:
        status = self._deliver(image, tag, self.token)
        if status != 200:
            raise StepFailed(f"a signed delivery was answered {status}")

    def _deliver_forged(self) -> None:
        image = self._registry().image
        found = {
            "without a signature": self._deliver(image, SECOND, None),
            "with a wrong signature": self._deliver(image, SECOND, "somebody-elses-token"),
        }
        wrong = [f"{how} was answered {status}" for how, status in found.items() if status != 404]
        if wrong:
            raise StepFailed("a delivery " + ", one ".join(wrong))

    def _deliver(self, image: str, tag: str, token: str | None) -> int:
        self.url = self.url or self._cli("webhook-url", "app", "-n", NAMESPACE).strip()
        body = json.dumps({"image": image, "tag": tag, "id": entropy.token_hex(8)}).encode()
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["X-Signature"] = "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
        return self.site.post(self.url, body, headers)

    def _expect_none(self, counted: tuple[int, list[str]], what: str) -> None:
        asked, wrong = counted
        self.report.note(f"{asked} {what}")
        if wrong or not asked:
            raise StepFailed(f"{len(wrong)} of {asked} {what} are wrong: " + "; ".join(wrong))

    def _expect_no_dead_letters(self) -> None:
        sqs, outputs = self.site.client("sqs"), self._targets().outputs
        for output in ("ScanDeadLettersUrl", "UpdateDeadLettersUrl"):
            answer = sqs.receive_message(QueueUrl=outputs[output], VisibilityTimeout=0, WaitTimeSeconds=1)
            if answer.get("Messages"):
                raise StepFailed(f"{output} has {answer['Messages'][0]['Body'][:2000]}")

    def _wait(self, otherwise: str, probe: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not probe():
            if time.monotonic() > end:
                raise StepFailed(f"{otherwise} within {PATIENCE_S:.0f} s; {self._last_events()}")
            time.sleep(self.site.poll_s)

    def _last_events(self) -> str:
        shown = self._cli("events", "-n", NAMESPACE).strip().splitlines()
        return "the last events are: " + " | ".join(shown[-5:])

    def _cli(self, *arguments: str, stdin: bytes = b"") -> str:
        return tagstream(self.site, self.names.stack, *arguments, stdin=stdin)
