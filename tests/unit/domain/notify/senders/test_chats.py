"""What chats are sent, by their published payloads and as Flux fills them."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from tagstream.domain.notify.destination import Unsendable
from tagstream.domain.notify.senders import googlechat, lark, markdown, msteams, slack, telegram
from tests.unit.domain.notify.sample_events import EVENT, FAILURE, body, destination


def test_slack_gets_an_attachment_with_the_facts() -> None:
    (call,) = slack.calls(EVENT, destination("slack", channel="#ops"))
    found = body(call)
    (attachment,) = found["attachments"]
    assert (found["channel"], found["username"]) == ("#ops", "image-automation-controller")
    assert attachment["color"] == "good"
    assert attachment["author_name"] == "imageupdateautomation/apps.flux-system"
    assert attachment["text"] == EVENT.message
    assert attachment["mrkdwn_in"] == ["text"]
    assert attachment["fields"][0] == {"title": "branch", "value": "main", "short": False}
    assert "Authorization" not in call.headers
    assert not call.says_ok


def test_slacks_api_gets_a_token_and_its_answer_is_read() -> None:
    api = "https://slack.com/api/chat.postMessage"
    (call,) = slack.calls(FAILURE, destination("slack", api, token="xoxb", username="bot"))
    assert call.headers["Authorization"] == "Bearer xoxb"
    assert call.says_ok
    assert (body(call)["attachments"][0]["color"], body(call)["username"]) == ("danger", "bot")


@pytest.mark.parametrize(
    "address", ["https://discord.com/api/webhooks/1/x", "https://discord.com/api/webhooks/1/x/slack"]
)
def test_discord_gets_the_same_below_slack(address: str) -> None:
    (call,) = slack.calls(EVENT, destination("discord", address, username="bot", channel="c"))
    assert call.url == "https://discord.com/api/webhooks/1/x/slack"
    assert body(call)["attachments"][0]["text"] == EVENT.message


def test_rocket_gets_an_emoji_too() -> None:
    (call,) = slack.calls(EVENT, destination("rocket"))
    assert body(call)["icon_emoji"] == ":rocket:"


def test_teams_gets_an_adaptive_card() -> None:
    (call,) = msteams.calls(FAILURE, destination("msteams", "https://prod-1.westeurope.logic.azure.com/workflows/x"))
    (attachment,) = body(call)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"], card["msteams"]) == ("AdaptiveCard", "1.4", {"width": "Full"})
    title, message, facts = card["body"][0]["items"]
    assert title["text"] == "imagerepository/apps.flux-system"
    assert (message["text"], message["color"]) == (FAILURE.message, "attention")
    assert facts == {"type": "FactSet", "facts": [{"title": "summary", "value": "prod"}]}


def test_an_older_connector_of_teams_gets_a_message_card() -> None:
    (call,) = msteams.calls(EVENT, destination("msteams", "https://acme.webhook.office.com/webhookb2/x"))
    found = body(call)
    assert (found["@type"], found["themeColor"], found["summary"]) == (
        "MessageCard",
        "0076D7",
        "imageupdateautomation/apps.flux-system",
    )
    assert found["sections"][0]["facts"][0] == {"name": "branch", "value": "main"}


def test_google_chat_gets_a_card_whose_html_is_escaped() -> None:
    (call,) = googlechat.calls(replace(FAILURE, message="<b>x</b> & y"), destination("googlechat"))
    (card,) = body(call)["cards"]
    assert card["header"] == {"title": "imagerepository/apps.flux-system", "subtitle": "image-reflector-controller"}
    text = card["sections"][0]["widgets"][0]["textParagraph"]["text"]
    assert text == '<font color="#ff0000">&lt;b&gt;x&lt;/b&gt; &amp; y</font>'
    assert card["sections"][1]["widgets"][0]["keyValue"]["topLabel"] == "summary"


def test_lark_gets_an_interactive_card() -> None:
    (call,) = lark.calls(FAILURE, destination("lark"))
    found = body(call)
    assert (found["msg_type"], found["card"]["header"]["template"]) == ("interactive", "red")
    assert found["card"]["header"]["title"]["content"] == "🚨 imagerepository/apps.flux-system"
    assert found["card"]["elements"][0]["text"]["content"] == f"**{FAILURE.message}**\n\nsummary: prod\n"


def test_telegram_gets_markdown_in_which_nothing_of_ours_is_a_mark() -> None:
    (call,) = telegram.calls(EVENT, destination("telegram", "", channel="-100:7", token="1:a"))
    found = body(call)
    assert call.url == "https://api.telegram.org/bot1:a/sendMessage"
    assert (found["chat_id"], found["message_thread_id"], found["parse_mode"]) == ("-100", "7", "MarkdownV2")
    assert found["text"].startswith("*💫 imageupdateautomation/apps/flux\\-system*\npushed commit")
    message = found["text"].splitlines()[1]
    assert re.search(r"(?<!\\)[_\[\]()~>`#+\-=|{}.!]", message) is None


def test_a_long_message_fits_into_telegrams_limit() -> None:
    (call,) = telegram.calls(replace(EVENT, message="x" * 20_000), destination("telegram", "", channel="1", token="t"))
    assert len(body(call)["text"].replace("\\", "")) <= telegram.MAX_TEXT


def test_webex_gets_markdown_for_a_room() -> None:
    (call,) = markdown.calls(FAILURE, destination("webex", channel="room", token="t"))
    assert call.headers["Authorization"] == "Bearer t"
    assert body(call) == {
        "roomId": "room",
        "markdown": f"💣 **imagerepository/apps.flux-system**\n{FAILURE.message}\n>**summary**: prod\n",
    }


def test_a_repetition_is_the_same_transaction_of_matrix() -> None:
    home = destination("matrix", "https://matrix.example.com/", channel="!a:example.com", token="t")
    (call,), (again,) = markdown.calls(EVENT, home), markdown.calls(EVENT, home)
    (other,) = markdown.calls(FAILURE, home)
    start = "https://matrix.example.com/_matrix/client/r0/rooms/!a:example.com/send/m.room.message/"
    assert call.method == "PUT"
    assert call.url.startswith(start)
    assert call.url == again.url != other.url
    assert body(call)["msgtype"] == "m.text"


def test_zulip_gets_a_form_for_a_channel_and_a_topic() -> None:
    home = destination("zulip", "https://chat.example.com", channel="ops/images", username="bot", password="key")
    (call,) = markdown.calls(EVENT, home)
    form = {name: value for name, (value,) in parse_qs(call.body.decode()).items()}
    assert call.url == "https://chat.example.com/api/v1/messages"
    assert call.headers["Authorization"] == "Basic Ym90OmtleQ=="
    assert (form["type"], form["to"], form["topic"]) == ("stream", "ops", "images")
    assert EVENT.message in form["content"]


@pytest.mark.parametrize("channel", ["", "ops", "/images", "ops/"])
def test_zulip_needs_a_channel_and_a_topic(channel: str) -> None:
    with pytest.raises(Unsendable, match="zulip needs a"):
        markdown.calls(EVENT, destination("zulip", channel=channel, username="a", password="b"))


MARKS = "<!channel> <@all> <at id=all></at> @**all** [x](https://evil.example) 'app:1' is in <2.0.0 >=1"


@pytest.mark.parametrize(
    ("type_", "marks"),
    [
        ("slack", ("<!", "<@", "<2", ">=")),
        ("webex", ("<@", "<at", "<2", " [x]")),
        ("lark", ("<at", "<2", "[x]")),
        ("zulip", ("@*",)),
        ("msteams", ("<at", "<2")),
        ("googlechat", ("<at", "<2")),
    ],
)
def test_nothing_that_a_message_or_a_fact_quotes_is_a_mark_or_a_mention_of_the_chat(
    type_: str, marks: tuple[str, ...]
) -> None:
    event = replace(EVENT, message=MARKS, metadata={"range": MARKS})
    senders = {"slack": slack, "lark": lark, "msteams": msteams, "googlechat": googlechat}
    home = destination(type_, "https://acme.webhook.office.com/x", channel="a/b", username="u", password="p", token="t")
    (call,) = senders.get(type_, markdown).calls(event, home)
    told = parse_qs(call.body.decode())["content"][0] if type_ == "zulip" else call.body.decode()
    assert "2.0.0" in told
    assert [mark for mark in marks if mark in told] == []


def test_slack_shows_a_range_as_it_is_written() -> None:
    (call,) = slack.calls(replace(EVENT, message="<2.0.0 & >=1"), destination("slack"))
    assert body(call)["attachments"][0]["text"] == "&lt;2.0.0 &amp; &gt;=1"
