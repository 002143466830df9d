"""What the API is sent as text by people and programs, as targets of the bytes alone."""

import json
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from api.app import create_app
from api.base_schemas import RequestBody
from api.errors import ApiProblem
from api.fhir.service_requests.order import read_order
from api.fhir.subscriptions.reading import read_subscription
from api.report_templates.mrrt import read_mrrt
from inference.bundles.plain import PlainCard
from inference.containers.card import ContainerCard
from inference.models.cards.card_file import CARD_FILE, Card, parsed
from inference.nnunet.card import NnunetCard
from inference.result_rules.card import RuleCard
from inference.rules.file import rules_in
from inference.single_images.card import ImageCard
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.fhircast.messages import checked_message
from storage.settings import Settings

CARDS: tuple[type[Card], ...] = (ImageCard, ContainerCard, NnunetCard, PlainCard, RuleCard)
_MESSAGE_ELEMENTS = 10_000


@cache
def request_forms() -> list[type[RequestBody]]:
    """Of all routes, in the order of their names."""
    # All modules of routes are loaded by it, and with them the forms.
    assert create_app
    found, waiting = set[type[RequestBody]](), [RequestBody]
    while waiting:
        for one in waiting.pop().__subclasses__():
            found.add(one)
            waiting.append(one)
    return sorted(found, key=lambda one: f"{one.__module__}.{one.__qualname__}")


@cache
def _settings() -> Settings:
    return Settings()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="mediview-fuzz-")


def request_body(data: bytes) -> None:
    """The JSON of a route: the first two bytes choose which, as FastAPI reads it."""
    forms = request_forms()
    form = forms[int.from_bytes(data[:2], "big") % len(forms)]
    try:
        decoded = json.loads(data[2:])
    except (ValueError, RecursionError):
        return
    with suppress(ValidationError):
        form.model_validate(decoded)


def fhir_order(data: bytes) -> None:
    """A ServiceRequest."""
    with suppress(ApiProblem, LimitExceeded):
        read_order(data, _settings())


def fhir_subscription(data: bytes) -> None:
    with suppress(ApiProblem, LimitExceeded):
        read_subscription(data, lambda reference: reference)


def fhircast_message(data: bytes) -> None:
    with suppress(InvalidRequest, LimitExceeded, ValueError):
        decoded = load_bounded_json(data, _MESSAGE_ELEMENTS, strict=True)
        _read_message(decoded)


def _read_message(decoded: object) -> None:
    try:
        message = checked_message(decoded)
    except InvalidRequest:
        return
    try:
        _ = message.study_uids
        _ = message.accession_numbers
    except ValueError as error:
        raise AssertionError("A message that was taken cannot be read") from error


def rules_yaml(data: bytes) -> None:
    """The site's rules, as the editor sends them."""
    with suppress(InvalidRequest, LimitExceeded):
        rules_in(data.decode("utf-8", "replace"), "rules.yaml", "Correct them.")


def report_template(data: bytes) -> None:
    """HTML of a template (IHE MRRT)."""
    with suppress(ApiProblem):
        read_mrrt(data.decode("utf-8", "replace"))


def model_card(data: bytes) -> None:
    """The card of an added model: the first byte chooses of which kind."""
    form = CARDS[data[0] % len(CARDS)] if data else CARDS[0]
    path = Path(_folder().name) / CARD_FILE
    path.write_bytes(data[1:])
    with suppress(InvalidRequest):
        parsed(form, path)
