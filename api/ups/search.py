"""Search the worklist (PS3.18 11.9)."""

import json
from collections.abc import Iterable

from fastapi import Request, Response

from api.access.policy import READERS, policy
from api.audit_rules import QUERY
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.negotiation import DICOM_JSON, DICOM_XML, accepted, choose_model
from api.dicomweb.formats.responses import json_bytes
from api.dicomweb.formats.xml_answers import xml_answer
from api.dicomweb.query_names import reads_own_query
from api.dicomweb.routing import worklist_router
from api.dicomweb.search.query_parameters import SearchParameters, parse_search
from api.dicomweb.search.query_parameters import tag_of as tag_named
from api.ups.responses import empty, warning
from dicom_node.ups.list_room import list_room
from dicom_node.ups.matching import Matcher
from storage.ups.dicom_json import JsonAttributes, tag_of

router = worklist_router()

_MAX_ROWS = 1000
_MORE = "There are additional results that can be requested with a higher offset"
_NOT_COMPARED = (
    "Older workitems were not compared with the keys: those before have very many values. Add a"
    " key such as ProcedureStepState or PatientID"
)
# With a Return Key Type of 1 or 2 (PS3.4 Table CC.2.5-3).
_RETURNED = frozenset(
    tag_of(keyword)
    for keyword in (
        "SpecificCharacterSet SOPClassUID SOPInstanceUID ScheduledProcedureStepPriority"
        " ScheduledProcedureStepModificationDateTime ProcedureStepLabel WorklistLabel"
        " ScheduledProcessingParametersSequence ScheduledStationNameCodeSequence"
        " ScheduledStationClassCodeSequence ScheduledStationGeographicLocationCodeSequence"
        " ScheduledHumanPerformersSequence ScheduledProcedureStepStartDateTime"
        " ExpectedCompletionDateTime ScheduledWorkitemCodeSequence"
        " CommentsOnTheScheduledProcedureStep InputReadinessState InputInformationSequence"
        " StudyInstanceUID PatientName PatientID IssuerOfPatientID"
        " IssuerOfPatientIDQualifiersSequence OtherPatientIDsSequence PatientBirthDate PatientSex"
        " AdmissionID IssuerOfAdmissionIDSequence AdmittingDiagnosesDescription"
        " AdmittingDiagnosesCodeSequence ReferencedRequestSequence MedicalAlerts PregnancyStatus"
        " SpecialNeeds ProcedureStepState ProcedureStepProgressInformationSequence"
    ).split()
)


@router.get(
    "/workitems",
    summary="Search the worklist",
    responses={204: {"description": "Nothing matches."}, 206: {"description": "There is more."}},
)
@policy(READERS, "dicomweb:read", QUERY)
@reads_own_query
def search_workitems(request: Request, storage: StorageDep) -> Response:
    """Workitems that fit every key, jobs of this node among them, the newest first.

    At most 1000 at once. Jobs name their input by series; one alone names each instance.
    """
    model = choose_model(accepted(request))
    asked = parse_search(request.query_params.multi_items())
    matcher = Matcher(asked.keys)
    limit = min(asked.limit, _MAX_ROWS)
    wanted = _wanted(asked)
    # Encoded: as objects they would take ten times as much.
    found: list[bytes] = []
    skipped, missing = 0, ""
    with list_room() as room:
        for item in storage.workitem_list.all(matcher.narrowed()):
            if not room.may_match(matcher.value_count(item.attributes)):
                missing = _NOT_COMPARED
                break
            if not matcher.matches(item.attributes, item.study_instance_uid):
                continue
            if skipped < asked.offset:
                skipped += 1
                continue
            line = b"" if len(found) == limit else json_bytes(_returned(item.attributes, wanted))
            if not line or not room.takes(line):
                missing = _MORE
                break
            found.append(line)
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if not found and not missing:
        return empty(204, headers)
    if missing:
        headers["Warning"] = warning(request, storage.settings, missing)
    status = 206 if missing else 200
    if model == DICOM_XML:
        answer = xml_answer(map(json.loads, found), headers)
        answer.status_code = status
        return answer
    body = b"[" + b",".join(found) + b"]"
    return Response(body, status, media_type=DICOM_JSON, headers=headers)


def _wanted(asked: SearchParameters) -> frozenset[str] | None:
    """Tags to return; None for all."""
    if asked.include_all:
        return None
    paths: Iterable[str] = (*asked.include, *asked.keys)
    tags = {tag_named(path.partition(".")[0]) for path in paths}
    return _RETURNED | {f"{tag:08X}" for tag in tags if tag is not None}


def _returned(attributes: JsonAttributes, wanted: frozenset[str] | None) -> JsonAttributes:
    return {tag: attributes[tag] for tag in sorted(attributes) if wanted is None or tag in wanted}
