"""Model servers as /health and `mediview doctor` see them."""

from collections.abc import Iterator

from api.server.checks.exposure import Check
from api.server.checks.health import GOOD, bad
from api.server.schemas import HealthPart
from inference.bundles.installed import installed_bundles, installed_image_models
from inference.language.tasks import TASKS
from inference.language.tasks import model_ref as language_model
from inference.model_servers.card import ServedModel
from inference.model_servers.chat import check_model
from inference.model_servers.endpoint import Endpoint, endpoint_of
from inference.model_servers.gate import failing, note_answer, sentence_of
from inference.model_servers.open_inference import InferenceClient
from storage.core.errors import MediViewError, NotConfigured
from storage.deliveries.circuit_breaker import CircuitBreakers
from storage.settings import Settings, is_loopback


def check_model_servers(settings: Settings, breakers: CircuitBreakers) -> HealthPart:
    """Which servers are left alone because they failed; none is called for it."""
    sentences = [sentence_of(one) for one in failing(settings, breakers)]
    return bad(" ".join(sentences)) if sentences else GOOD


def model_server_checks(settings: Settings, circuit_breakers: CircuitBreakers) -> Iterator[Check]:
    """Each server that the site names, asked now for each model that is used of it.

    One that works is left alone no longer.
    """
    for name in (one.name for one in settings.model_servers):
        label = f"model server {name}"
        try:
            endpoint = endpoint_of(settings, name)
            models = sorted(set(_language_models(settings, name)))
            for model in models:
                check_model(endpoint, model)
            for served in _served_models(settings, name):
                InferenceClient(endpoint, served).describe()
                models.append(served.model)
        except MediViewError as error:
            yield Check(label, "fail", error.message, error.remedy)
            continue
        if not models:
            yield Check(
                label,
                "note",
                "no setting and no model's card uses it",
                "Set a language model as server:NAME/MODEL, or name it in a card's served.",
            )
            continue
        note_answer(circuit_breakers, name, models)
        yield _good(label, endpoint, models)


def _good(label: str, endpoint: Endpoint, models: list[str]) -> Check:
    offers = f"offers {', '.join(models)}"
    if not endpoint.is_encrypted and not is_loopback(endpoint.host):
        return Check(
            label,
            "note",
            f"{offers}; texts of patients go there unencrypted",
            "Use an https:// or grpcs:// address in MEDIVIEW_MODEL_SERVERS.",
        )
    return Check(label, "ok", offers)


def _served_models(settings: Settings, server: str) -> Iterator[ServedModel]:
    volumes = [one.served for one in installed_bundles(settings)]
    images = [one.served for one in installed_image_models(settings)]
    for served in (*volumes, *images):
        if served is not None and served.server == server:
            yield served


def _language_models(settings: Settings, server: str) -> Iterator[str]:
    for task in TASKS.values():
        try:
            ref = language_model(settings, task.setting)
        except NotConfigured:
            continue
        if ref.server == server:
            yield ref.name
