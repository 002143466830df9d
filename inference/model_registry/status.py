"""Where each pipeline's model stands, and so which pipelines are offered a series."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.model_registry.chains import chain_fault, takes_results
from inference.models.card import ModelCard
from inference.pipeline import Pipeline
from inference.pipelines.catalogue import catalogue
from storage.core.errors import MediViewError, NotFound
from storage.model_registry.registry import ModelRecord, ModelState, ModelStates
from storage.settings import Settings

_ORDER: tuple[ModelState, ...] = ("active", "verified", "added", "shadow", "retired")
_BLOCKED: dict[ModelState, tuple[str, str]] = {
    "added": ("is not verified", "Prove it: mediview models verify {name}, then activate it."),
    "verified": ("is verified but not active", "mediview models activate {name}"),
    "shadow": ("runs only as a shadow", "mediview models activate {name}"),
    "retired": ("is retired", "mediview models activate {name}"),
}


class ModelBlocked(MediViewError):
    """The state of a model does not allow what was asked."""

    code = "model_held"


@dataclass(frozen=True)
class Standing:
    """One pipeline with the state of its model and what the registry keeps of it."""

    pipeline: Pipeline
    state: ModelState
    record: ModelRecord | None
    fault: str = ""
    """Why it cannot run among the active ones because of the results that it takes."""

    @property
    def blocked(self) -> str:
        """Why it may make no results, with the remedy; empty where it may."""
        if self.state == "active":
            return self.fault
        card = self.pipeline.card
        what, remedy = _BLOCKED[self.state]
        # Its own word first: a failed self-test, an operator's reason.
        detail = (self.record.detail if self.record else "").strip()
        if detail:
            detail = f" {detail}" if detail.endswith((".", "!", "?")) else f" {detail}."
        return f"The model {card.name} {card.version} {what}.{detail} " + remedy.format(
            name=card.name
        )


def state_of(card: ModelCard, record: ModelRecord | None) -> ModelState:
    """What comes with the release, or is named by a setting, is active until somebody or its
    self-test says otherwise; what an operator added begins as `added`, also when its files
    became others.
    """
    if card.admission == "operator":
        return record.state if record and record.digest == card.digest else "added"
    return record.state if record else "active"


def standings(
    settings: Settings, model_states: ModelStates, pipelines: Sequence[Pipeline] | None = None
) -> list[Standing]:
    """Every version of every pipeline, in the order of the catalogue."""
    known = catalogue(settings) if pipelines is None else pipelines
    records = model_states.all()
    found = []
    for pipeline in known:
        record = records.get((pipeline.card.name, pipeline.card.version))
        found.append(Standing(pipeline, state_of(pipeline.card, record), record))
    if not any(takes_results(one) for one in known):
        return found
    active = [one.pipeline for one in found if one.state == "active"]
    return [replace(one, fault=chain_fault(one.pipeline, active)) for one in found]


def offered(
    settings: Settings, model_states: ModelStates, pipelines: Sequence[Pipeline] | None = None
) -> list[Standing]:
    """One version of each pipeline: the active one, else the one nearest to it."""
    return _one_of_each(standings(settings, model_states, pipelines))


def shadows(
    settings: Settings, model_states: ModelStates, pipelines: Sequence[Pipeline] | None = None
) -> list[Standing]:
    """Those that run without a word to anybody."""
    return [one for one in standings(settings, model_states, pipelines) if one.state == "shadow"]


def standing_named(settings: Settings, model_states: ModelStates, name: str) -> Standing:
    """The pipeline of that name, in its active version if it has one.

    Raises NotFound naming those that exist.
    """
    found = offered(settings, model_states)
    for standing in found:
        if standing.pipeline.name == name:
            return standing
    known = ", ".join(standing.pipeline.name for standing in found)
    raise NotFound(f"There is no pipeline named {name}.", remedy=f"Use one of: {known}.")


def models_named(settings: Settings, model_states: ModelStates, name: str) -> list[Standing]:
    """The versions of a model, the active one first. Raises NotFound naming those that exist."""
    everything = standings(settings, model_states)
    found = [one for one in everything if one.pipeline.card.name == name]
    if not found:
        known = ", ".join(dict.fromkeys(one.pipeline.card.name for one in everything))
        raise NotFound(f"There is no model named {name}.", remedy=f"Use one of: {known}.")
    return sorted(found, key=_rank)


def model_of(
    settings: Settings, model_states: ModelStates, name: str, version: str | None = None
) -> Standing:
    """One version of a model; without `version` the only one there is.

    Raises NotFound, and ModelBlocked where several versions leave open which is meant.
    """
    found = models_named(settings, model_states, name)
    versions = list(dict.fromkeys(one.pipeline.card.version for one in found))
    if version is None:
        if len(versions) > 1:
            raise ModelBlocked(
                f"There are {len(versions)} versions of {name}: {', '.join(versions)}.",
                remedy="Say which one is meant.",
            )
        return found[0]
    for one in found:
        if one.pipeline.card.version == version:
            return one
    raise NotFound(
        f"There is no version {version} of {name}.", remedy=f"Use one of: {', '.join(versions)}."
    )


def _one_of_each(found: Sequence[Standing]) -> list[Standing]:
    best: dict[str, Standing] = {}
    for standing in found:
        known = best.get(standing.pipeline.name)
        if known is None or _rank(standing) < _rank(known):
            best[standing.pipeline.name] = standing
    return list(best.values())


def _rank(standing: Standing) -> int:
    return _ORDER.index(standing.state)
