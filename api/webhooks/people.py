"""Who may set up receivers, people above all, and what is recorded of it."""

from dataclasses import replace

from starlette.requests import Request

from api.access.confirmation import check_person
from api.access.principal import Principal
from api.audit.middleware import add_detail
from api.errors import ApiProblem
from api.webhooks.schemas import NewWebhook, WebhookChange
from storage.webhooks.people import DEFAULT_WAIT_S, FHIR, PROGRAMS, ForPeople, WebhookKind

_NAMES_PATIENTS = (
    "Messages to this receiver name patients, and stay in mailboxes or chats that the node does not"
    " protect."
)


def check_may_change(principal: Principal, kind: WebhookKind) -> None:
    """Raises ApiProblem where somebody else than an administrator would write to people."""
    if kind not in PROGRAMS and not principal.is_administrator:
        raise ApiProblem(
            403,
            "not_allowed",
            "Only an administrator adds, changes and tries receivers that are people.",
            remedy="Ask an administrator, or add a receiver of kind webhook.",
        )


def check_may_name_patients(principal: Principal, for_people: ForPeople) -> None:
    """Raises ApiProblem where a program would have patients' names sent to an address."""
    if for_people.names_patients:
        check_person(principal, "set up a receiver whose messages name patients")


def check_lasts(principal: Principal) -> None:
    """Raises ApiProblem where nobody would learn that the owner of a webhook has ended."""
    if principal.kind == "oidc" and not principal.session_hash:
        raise ApiProblem(
            403,
            "not_allowed",
            "A webhook outlasts an access token of the identity provider.",
            remedy="Add it or turn it on with an API key, or signed in to the viewer.",
        )


def default_wait_s(kind: WebhookKind) -> int:
    return 0 if kind in PROGRAMS else DEFAULT_WAIT_S


def check_is_changed_here(kind: WebhookKind) -> None:
    """Raises ApiProblem for a subscription of FHIR, which is changed and tried by its own rules."""
    if kind == FHIR:
        raise ApiProblem(
            409,
            "state_conflict",
            "It is a subscription of FHIR, which is not changed or tried here.",
            remedy="Delete it, and POST another one to /fhir/Subscription.",
        )


def for_people_of(before: ForPeople, wanted: NewWebhook | WebhookChange) -> ForPeople:
    """What was there before, with what the request names."""
    given = {
        name: value
        for name in ForPeople.__dataclass_fields__
        if (value := getattr(wanted, name)) is not None
    }
    return replace(before, **given)


def note_receiver(request: Request, kind: WebhookKind, for_people: ForPeople) -> None:
    """Into the audit trail: of which kind it is, and whether messages name patients."""
    if kind not in PROGRAMS:
        named = "yes" if for_people.names_patients else "no"
        add_detail(request, kind=kind, names_patients=named)


def warning_of(for_people: ForPeople) -> str:
    """What an administrator should think of; empty where there is nothing."""
    return _NAMES_PATIENTS if for_people.names_patients else ""
