"""Messages as chats take them over HTTP: Slack and what understands it, and Microsoft Teams.

No name in a message becomes a link, a mention or markup: Slack's text is escaped, and Teams gets
runs of text, which it shows as they are.
"""

from typing import Any

from inference.webhooks.wording import Line, PeopleMessage

_CARD = "application/vnd.microsoft.card.adaptive"
# Text runs and where to click came with 1.2; Teams takes up to 1.5.
_CARD_VERSION = "1.2"
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


def slack_body(message: PeopleMessage) -> dict[str, Any]:
    """An incoming webhook's `text` (api.slack.com/messaging/webhooks)."""
    lines = [f"*{_escaped(message.subject)}*"]
    for kind in message.kinds:
        lines += ["", _escaped(kind.headline), *(_slack_line(line) for line in kind.lines)]
        lines += [_escaped(kind.further)] if kind.further else []
    lines += ["", *(_escaped(one) for one in message.closing)]
    return {"text": "\n".join(lines)}


def _escaped(text: str) -> str:
    """The three characters that begin anything in Slack's text; marks of emphasis do no harm."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_line(line: Line) -> str:
    text = _escaped(line.text)
    return f"<{_escaped(line.url)}|{text.replace('|', '/')}>" if line.url else text


def teams_body(message: PeopleMessage) -> dict[str, Any]:
    """A message with an Adaptive Card, as workflows with an incoming webhook take it."""
    body = [_block([_run(message.subject, weight="Bolder")])]
    for kind in message.kinds:
        body.append(_block([_run(kind.headline, weight="Bolder")]))
        body += [_block([_linked(line)]) for line in kind.lines]
        body += [_block([_run(kind.further)])] if kind.further else []
    body += [_block([_run(one)]) for one in message.closing]
    card = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": _CARD_VERSION, "body": body}
    return {
        "type": "message",
        "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}],
    }


def _block(inlines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": inlines}


def _run(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **more}


def _linked(line: Line) -> dict[str, Any]:
    if not line.url:
        return _run(line.text)
    return _run(line.text, selectAction={"type": "Action.OpenUrl", "url": line.url})
