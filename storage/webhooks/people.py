"""Receivers that are people: by mail, or in a chat that takes messages over HTTP.

They are webhooks of another kind: the same events, order, retries and list of what was sent. What
waits for one of them goes in one message, so that 500 failures are one mail.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from storage.core.errors import InvalidRequest
from storage.core.hours import Hours
from storage.core.interface_languages import InterfaceLanguage
from storage.http.url_policy import check_url
from storage.settings import Settings, is_loopback

WebhookKind = Literal["webhook", "fhir", "mail", "teams", "slack"]
FHIR: WebhookKind = "fhir"
"""A FHIR subscription (`storage.fhir_subscriptions`)."""
PROGRAMS: frozenset[WebhookKind] = frozenset({"webhook", FHIR})
"""Kinds that get signed JSON at once; `fhir` is a subscription of FHIR."""

DEFAULT_WAIT_S = 300
LONGEST_WAIT_S = 7 * 86_400
PEOPLE_EVENTS = (
    "alert.raised",
    "alert.repeated",
    "job.failed",
    "delivery.failed",
    "destination.unreachable",
    "destination.reachable",
    "study.release_overdue",
    "node.degraded",
    "node.restored",
    "node.disk_low",
    "node.data_damaged",
    "model.drift",
    "access.emergency_started",
)
"""What people may be notified of: what somebody has to act on, and that it is over."""
URGENT_EVENTS = frozenset({"alert.raised", "alert.repeated"})
"""They wait for no hour of rest, and for no more than `_URGENT_WAIT_S`."""
_URGENT_WAIT_S = 15

# RFC 5321 4.1.2 without quoted strings and addresses of hosts. Without what old servers relay by to
# another domain (RFC 5321 F.2: % and !), and what a program would take for an option.
_LOCAL_PART = re.compile(r"(?!-)[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_MAIL_MAX_CHARACTERS, _LOCAL_MAX_CHARACTERS = 254, 64


@dataclass(frozen=True)
class ForPeople:
    """How a receiver wants its messages. A program's is the default.

    `wait_s`: how long the first event waits for others, which then go in one message.
    `quiet_hours`: as 22:00-06:00 by the node's time, in which nothing goes but what is urgent.
    `names_patients`: messages name the patient, the ID and the order of a study.
    """

    language: InterfaceLanguage = "en"
    wait_s: int = 0
    quiet_hours: str = ""
    names_patients: bool = False


def checked_address(kind: WebhookKind, url: str, settings: Settings) -> str:
    """The address, if an operator allows its host or domain. Raises InvalidRequest."""
    if kind == "mail":
        return f"mailto:{checked_mail_address(url.removeprefix('mailto:'), settings)}"
    return check_url(url, settings.webhook_hosts, "MEDIVIEW_WEBHOOK_HOSTS", "webhooks").url


def checked_mail_address(address: str, settings: Settings) -> str:
    """One address of one recipient. Raises InvalidRequest."""
    local_part, at, domain = address.rpartition("@")
    if (
        not at
        or len(address) > _MAIL_MAX_CHARACTERS
        or len(local_part) > _LOCAL_MAX_CHARACTERS
        or not _LOCAL_PART.fullmatch(local_part)
        or not domain.isascii()
    ):
        raise InvalidRequest(
            "The url is not the address of one recipient of mail.",
            remedy="Write it as mailto:name@hospital.example; each recipient is a receiver of its"
            " own.",
        )
    if domain.lower() not in settings.mail_domains:
        # No more of what was sent than could be a domain.
        named = domain.lower() if re.fullmatch(r"[A-Za-z0-9.-]{1,100}", domain) else "of it"
        raise InvalidRequest(
            f"The domain {named} is none of those that mail may go to.",
            remedy="An operator adds it to MEDIVIEW_MAIL_DOMAINS and restarts.",
        )
    if not settings.smtp_host:
        raise InvalidRequest(
            "The node knows no server for mail.",
            remedy="An operator sets MEDIVIEW_SMTP_HOST and MEDIVIEW_SMTP_FROM and restarts.",
        )
    return f"{local_part}@{domain.lower()}"


def shown_address(kind: WebhookKind, url: str) -> str:
    """What lists show: the path of a chat's address is what lets one write there."""
    if kind in PROGRAMS or kind == "mail":
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"


def check_people(kind: WebhookKind, events: tuple[str, ...], wanted: ForPeople) -> None:
    """Raises InvalidRequest for what a receiver of that kind cannot have."""
    if kind in PROGRAMS:
        if wanted != ForPeople():
            raise InvalidRequest(
                "A receiver of kind webhook gets each event at once and names no patient.",
                remedy="Leave language, wait_s, quiet_hours and names_patients out, or choose"
                " mail, teams or slack.",
            )
        return
    if not any(wants(events, one) for one in PEOPLE_EVENTS):
        raise InvalidRequest(
            "People are notified of none of these events.",
            remedy=f"Choose among {', '.join(PEOPLE_EVENTS)}.",
        )
    if not 0 <= wanted.wait_s <= LONGEST_WAIT_S:
        raise InvalidRequest(
            f"Events cannot wait for {wanted.wait_s} s.",
            remedy=f"Choose 0 to {LONGEST_WAIT_S} s.",
        )
    hours = _HOURS.fullmatch(wanted.quiet_hours)
    if wanted.quiet_hours and (hours is None or hours.group(1, 2) == hours.group(3, 4)):
        raise InvalidRequest(
            "The quiet hours are not two different times of day.",
            remedy="Write them as 22:00-06:00, by the node's time.",
        )


def check_naming(kind: WebhookKind, url: str, settings: Settings) -> None:
    """Raises InvalidRequest where what names a patient would travel unencrypted."""
    if not may_name_patients(kind, url, settings):
        raise InvalidRequest(
            "Messages to it would name patients on an unencrypted connection.",
            remedy="Set MEDIVIEW_SMTP_SECURITY=starttls or tls, or give an https address.",
        )


def may_name_patients(kind: WebhookKind, url: str, settings: Settings) -> bool:
    """Whether the way there is encrypted as far as the node can tell, or stays on this machine."""
    if kind == "mail":
        return settings.smtp_security != "none" or is_loopback(settings.smtp_host)
    parts = urlsplit(url)
    return kind not in PROGRAMS and (parts.scheme == "https" or is_loopback(parts.hostname or ""))


def wants(patterns: tuple[str, ...], event_type: str) -> bool:
    return not {event_type, f"{event_type.partition('.')[0]}.*", "*"}.isdisjoint(patterns)


def due_at(hook: Mapping[str, object], event_type: str, at: datetime) -> datetime:
    """When an event of `at` goes to that receiver (a row of `webhook`), as far as it is known."""
    wait_s = int(str(hook["wait_s"]))
    if hook["kind"] in PROGRAMS:
        return at
    if event_type in URGENT_EVENTS:
        return at + timedelta(seconds=min(wait_s, _URGENT_WAIT_S))
    return after_quiet_hours(str(hook["quiet_hours"]), at + timedelta(seconds=wait_s))


def after_quiet_hours(quiet_hours: str, at: datetime) -> datetime:
    """The same time, or the end of the hours of rest that it falls into, by the local clock."""
    if _HOURS.fullmatch(quiet_hours) is None:
        return at
    return Hours.parse([quiet_hours]).closes_at(at)
