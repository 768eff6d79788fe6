"""Mail and topics, which Flux does not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagstream.domain.notify.destination import Mail, TopicMessage, Unsendable
from tagstream.domain.notify.senders.own import calls
from tests.unit.domain.notify.sample_events import EVENT, FAILURE, destination

SERVER = "smtps://mail.example.com"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:deployments"
LOGIN = {"username": "bot@example.com", "password": "p4ssw0rd"}


def test_a_mail_has_a_subject_of_one_line_and_the_facts() -> None:
    (mail,) = calls(EVENT, destination("email", SERVER, channel="a@example.com, b@example.com", **LOGIN))
    assert isinstance(mail, Mail)
    assert mail.recipients == ("a@example.com", "b@example.com")
    assert mail.subject == f"imageupdateautomation/apps.flux-system: {EVENT.message}"
    assert mail.text.startswith(f"{EVENT.message}\n\nimageupdateautomation/apps.flux-system, Succeeded, 2026-11-27T10")
    assert "branch: main\n" in mail.text
    assert "p4ssw0rd" not in repr(mail)


def test_a_repetition_is_the_same_mail() -> None:
    home = destination("email", SERVER, channel="a@example.com", **LOGIN)
    assert calls(EVENT, home) == calls(EVENT, home)
    assert calls(EVENT, home)[0].message_id != calls(FAILURE, home)[0].message_id


def test_nothing_of_an_event_can_add_a_header() -> None:
    event = replace(FAILURE, message="x\r\nBcc: evil@example.com\u2028" + "y" * 500)
    (mail,) = calls(event, destination("email", SERVER, channel="a@example.com", **LOGIN))
    assert len(mail.subject) <= 100
    assert mail.subject.isprintable()
    assert mail.subject.startswith("FAILED imagerepository/apps.flux-system: x")


def test_the_sender_may_be_another_one_than_the_login() -> None:
    headers = {"From": "images@example.com"}
    (mail,) = calls(EVENT, destination("email", SERVER, channel="a@b", username="AKIA", password="p", headers=headers))
    assert (mail.sender, mail.username) == ("images@example.com", "AKIA")


@pytest.mark.parametrize(
    ("address", "members", "cause"),
    [
        ("https://mail.example.com", {"channel": "a@b", **LOGIN}, "smtps://HOST"),
        (SERVER, {"channel": "", **LOGIN}, "email needs a channel"),
        (SERVER, {"channel": "a@b, c", **LOGIN}, "mail addresses"),
        (SERVER, {"channel": "a@b\nBcc: c@d", **LOGIN}, "mail addresses"),
        (SERVER, {"channel": "a@b", "username": "bot"}, "needs a sender"),
    ],
)
def test_what_mail_needs_is_named(address: str, members: dict[str, str], cause: str) -> None:
    with pytest.raises(Unsendable, match=cause):
        calls(EVENT, destination("email", address, **members))


def test_a_topic_gets_the_text_and_attributes_to_filter_by() -> None:
    (message,) = calls(FAILURE, destination("sns", TOPIC))
    assert isinstance(message, TopicMessage)
    assert message.topic == TOPIC
    assert message.attributes == {
        "eventId": FAILURE.id,
        "kind": "ImageRepository",
        "namespace": "flux-system",
        "name": "apps",
        "severity": "error",
        "reason": "ReadOperationFailed",
    }


def test_a_topic_is_named_by_its_arn() -> None:
    with pytest.raises(Unsendable, match="ARN"):
        calls(EVENT, destination("sns", "deployments"))
