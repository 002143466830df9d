"""Searches for findings as Observation (hl7.org/fhir/R4/observation.html#search)."""

from collections.abc import Sequence

from api.fhir.observation_status import by_status
from api.fhir.search.conditions import (
    PATIENT,
    Parameter,
    by_study,
    by_text,
    by_time,
)
from api.fhir.search.parameters import bare_uid
from api.fhir.search.references import by_reference
from api.fhir.search.tokens import Coded, by_fixed, by_token, read_token
from inference.fhir.device import device_id
from inference.fhir.observation import FINDING_IDENTIFIERS, OBSERVATION_CATEGORIES
from inference.fhir.types import DICOM_UID, code_system
from storage.db.conditions import Condition, all_of, always, any_of
from storage.findings.conditions import (
    finding_code_is,
    finding_id_in,
    finding_of_pipeline,
    finding_of_study,
    finding_scheme_in,
    finding_tracking_uid_is,
    finding_updated,
)
from storage.findings.search import SortKey
from storage.studies.conditions import study_dated

_SCHEMES = ("SCT", "LN", "DCM", "UCUM", "RADLEX", "FMA", "SRT", "99MEDIVIEW")


def _code(name: str, value: str) -> Condition:
    token = read_token(name, value)
    same = finding_code_is(token.code) if token.code else always()
    if token.system is None:
        return same
    # Of a scheme that FHIR has no URI for, the system ends with its designator.
    schemes = {*_SCHEMES, token.system.rpartition(":")[2]}
    fitting = [one for one in schemes if code_system(one) == token.system]
    return all_of(same, finding_scheme_in(fitting))


def parameters(devices: Sequence[tuple[str, str]]) -> dict[str, Parameter]:
    """`devices`: name and version of the pipelines that a reference may name."""

    def of_device(wanted: str) -> Condition:
        return any_of(
            *(
                finding_of_pipeline(pipeline, version)
                for pipeline, version in devices
                if device_id(pipeline, version) == wanted
            )
        )

    return {
        "_id": by_text(lambda finding_id: finding_id_in([finding_id])),
        "_lastUpdated": by_time(finding_updated),
        "identifier": by_token(
            Coded(FINDING_IDENTIFIERS, lambda finding_id: finding_id_in([finding_id]), always()),
            Coded(DICOM_UID, lambda uid: finding_tracking_uid_is(bare_uid(uid)), always()),
        ),
        "code": _code,
        "status": by_status,
        "category": by_fixed(OBSERVATION_CATEGORIES, "imaging"),
        "date": by_time(study_dated),
        "derived-from": by_study(finding_of_study),
        "device": by_reference("Device", "id", of_device),
        **PATIENT,
    }


PARAMETERS = parameters(())
SORTS: dict[str, SortKey] = {"_lastUpdated": "updated_at", "date": "study_date"}
