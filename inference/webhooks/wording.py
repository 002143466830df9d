"""From notices to the text of one message for people: which events, how often, and where to look.

Unless its receiver is one of those that may (`names_patients`), a message says nothing of a
patient: no name, ID, birth date or order, and no reason of a failure, which others may have worded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from inference.webhooks.phrases import PHRASES, Phrases
from storage.core.clock import rfc3339
from storage.core.interface_languages import InterfaceLanguage
from storage.core.text.outside_text import text_from_outside
from storage.settings import Settings
from storage.webhooks.entities import WebhookDelivery
from storage.webhooks.payloads import PING, NoticeData

_NAME_AT_MOST = 80
_KINDS_AT_MOST = 12
_LINES_AT_MOST = 10

PatientWords = Callable[[str], str]
"""By StudyInstanceUID, what names the patient of a study; empty where nothing does."""


@dataclass(frozen=True)
class Line:
    """`url` is empty where nothing in particular is to be looked at."""

    text: str
    url: str


@dataclass(frozen=True)
class Kind:
    """Events that are alike: those of one pipeline, destination or part."""

    title: str
    count: int
    lines: tuple[Line, ...]
    further: str

    @property
    def headline(self) -> str:
        return f"{self.title} ({self.count})" if self.count > 1 else self.title


@dataclass(frozen=True)
class PeopleMessage:
    """`subject` is one line."""

    subject: str
    opening: str
    kinds: tuple[Kind, ...]
    closing: tuple[str, ...]

    def plain_text(self) -> str:
        lines = [self.opening]
        for kind in self.kinds:
            lines += ["", kind.headline]
            lines += [f"  {line.text}  {line.url}".rstrip() for line in kind.lines]
            lines += [f"  {kind.further}"] if kind.further else []
        return "\n".join([*lines, "", *self.closing, ""])


def message_of(
    settings: Settings,
    language: InterfaceLanguage,
    notices: Sequence[WebhookDelivery],
    patient_words: PatientWords | None = None,
) -> PeopleMessage:
    """The text about `notices`. Without `patient_words` no patient is named."""
    phrases = PHRASES[language]
    grouped: dict[str, list[WebhookDelivery]] = {}
    for one in notices:
        grouped.setdefault(_title(phrases, one.event_type, one.payload["data"]), []).append(one)
    kinds = tuple(
        _kind(settings, phrases, title, alike, patient_words)
        for title, alike in list(grouped.items())[:_KINDS_AT_MOST]
    )
    node = text_from_outside(settings.ae_title, _NAME_AT_MOST)
    others = sum(len(alike) for alike in list(grouped.values())[_KINDS_AT_MOST:])
    more = (phrases.further_kinds.format(count=others),) if others else ()
    subject = f"[MediViewAI {node}] {kinds[0].headline}"
    if len(grouped) > 1:
        subject += f", {phrases.further.format(count=len(notices) - kinds[0].count)}"
    return PeopleMessage(
        subject,
        phrases.opening.format(node=node),
        kinds,
        (
            *more,
            phrases.link.format(url=f"{settings.resolved_public_url}/"),
            phrases.names if patient_words else phrases.nameless,
        ),
    )


def trial_message(settings: Settings, language: InterfaceLanguage, now: datetime) -> PeopleMessage:
    """What a receiver gets when somebody tries it."""
    notice = WebhookDelivery(
        number=0,
        delivery_id="",
        webhook_id="",
        event_type=PING,
        payload={"id": "", "type": PING, "timestamp": rfc3339(now), "data": {}},
        state="PENDING",
        attempts=0,
        next_attempt_at=now,
        last_error="",
        last_status=None,
        created_at=now,
        ended_at=None,
    )
    return message_of(settings, language, [notice])


def _title(phrases: Phrases, event_type: str, data: NoticeData) -> str:
    """Names come from models, peers and containers: valid, short and of one line here."""
    part = data.get("part", "")
    about = data.get("pipeline") or data.get("destination") or phrases.parts.get(part, part)
    title = phrases.titles.get(event_type, event_type)
    return f"{title}: {text_from_outside(about, _NAME_AT_MOST)}" if about else title


def _kind(
    settings: Settings,
    phrases: Phrases,
    title: str,
    alike: Sequence[WebhookDelivery],
    patient_words: PatientWords | None,
) -> Kind:
    # A study of which ten series failed is one place to look at.
    by_study: dict[str, WebhookDelivery] = {}
    for one in alike:
        by_study.setdefault(one.payload["data"].get("study_instance_uid", ""), one)
    shown = list(by_study.items())[:_LINES_AT_MOST]
    further = len(by_study) - len(shown)
    return Kind(
        title,
        len(alike),
        tuple(_line(settings, study, one, patient_words) for study, one in shown),
        phrases.further.format(count=further) if further else "",
    )


def _line(
    settings: Settings, study: str, notice: WebhookDelivery, patient_words: PatientWords | None
) -> Line:
    text = f"{notice.created_at.astimezone():%Y-%m-%d %H:%M}"
    if not study:
        return Line(text, "")
    if patient_words and (words := patient_words(study)):
        text = f"{text}  {words}"
    return Line(text, f"{settings.resolved_public_url}/study/?study={study}")
