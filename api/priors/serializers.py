"""From what is fetched and looked for to its JSON."""

from api.priors.schemas import (
    ElsewhereFailure,
    ElsewherePayload,
    ElsewhereStudy,
    PriorFetchPayload,
    PriorSearchPayload,
)
from inference.priors.elsewhere import Elsewhere, StudyElsewhere
from storage.priors.entities import PriorFetch, PriorSearch


def prior_payload(fetch: PriorFetch) -> PriorFetchPayload:
    return PriorFetchPayload(
        **{name: getattr(fetch, name) for name in PriorFetchPayload.model_fields}
    )


def search_payload(search: PriorSearch) -> PriorSearchPayload:
    return PriorSearchPayload(
        **{name: getattr(search, name) for name in PriorSearchPayload.model_fields}
    )


def elsewhere_payload(found: Elsewhere) -> ElsewherePayload:
    return ElsewherePayload(
        items=[_study(one) for one in found.studies],
        failures=[
            ElsewhereFailure(source=name, sentence=sentence)
            for name, sentence in found.failures.items()
        ],
    )


def _study(one: StudyElsewhere) -> ElsewhereStudy:
    return ElsewhereStudy(
        study_instance_uid=one.study.study_instance_uid,
        source=one.source,
        study_date=one.study.text("StudyDate"),
        study_description=one.study.text("StudyDescription"),
        modalities=list(one.study.attributes.get("ModalitiesInStudy", ())),
        instance_count=one.study.instance_count,
        fetch=prior_payload(one.fetch) if one.fetch else None,
    )
