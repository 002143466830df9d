"""Texts that a site keeps ready for reports: administrators write them, radiologists use them."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Path, Query, Response

from api.access.policy import ADMINS, READERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import NOT_YET, PUBLIC, Audited
from api.deps import StorageDep
from api.parameters import problems
from api.report_templates.mrrt import read_mrrt
from api.report_templates.schemas import (
    MrrtPage,
    NewReportTemplate,
    ReportTemplateChange,
    ReportTemplateList,
    ReportTemplatePayload,
    TemplateTextPayload,
    template_payload,
)
from api.router_factory import new_router
from storage.audit import Action, Code, Type

router = new_router(prefix="/api/report-templates", tags=["reports"])

TemplateId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The template's id.")]
Modality = Annotated[
    str | None, Query(max_length=16, description="Of the study: those for it, and for any.")
]
Language = Annotated[str | None, Query(pattern=r"^[a-z]{2,3}$", description="Of the text.")]

_CHANGE = "change the templates of reports"


def _changed(action: Action) -> Audited:
    return Audited(Code.SECURITY_ALERT, action, Type.SOFTWARE_CONFIGURATION, with_change=True)


@router.get("", summary="List the templates of reports")
@policy(READERS, "api:read", PUBLIC)
def list_report_templates(
    storage: StorageDep, modality: Modality = None, language: Language = None
) -> ReportTemplateList:
    """By title, all at once: a site has few hundred."""
    return ReportTemplateList(
        items=[
            template_payload(one)
            for one in storage.report_templates.all()
            if (modality is None or not one.text.modalities or modality in one.text.modalities)
            and language in (None, one.text.language)
        ]
    )


@router.post("", status_code=201, summary="Add a template of reports", responses=problems(400, 403))
@policy(ADMINS, "admin", _changed("C"), confirmed_to=_CHANGE)
def add_report_template(
    storage: StorageDep, principal: PrincipalDep, new: NewReportTemplate
) -> ReportTemplatePayload:
    """Everyone who reads finds it from now on. Name no patient in it. A person confirms the
    session first, as for each change of a template.
    """
    return template_payload(storage.report_templates.add(new.as_text(), principal.name))


@router.post("/mrrt", summary="Read a template of RadReport", responses=problems(400, 422))
@policy(ADMINS, "admin", NOT_YET)
def read_mrrt_template(page: MrrtPage) -> TemplateTextPayload:
    """What the node makes of an IHE MRRT template, to be looked at and then added. Nothing is kept.

    Lists to choose from and fields to fill in become open fields of the text, unticked boxes words
    to take or leave out. To which modality it belongs is taken from its title.
    """
    return TemplateTextPayload(**asdict(read_mrrt(page.html)))


@router.put(
    "/{template_id}",
    summary="Change a template of reports",
    responses=problems(400, 403, 404, 412),
)
@policy(ADMINS, "admin", _changed("U"), confirmed_to=_CHANGE)
def replace_report_template(
    storage: StorageDep,
    principal: PrincipalDep,
    template_id: TemplateId,
    change: ReportTemplateChange,
) -> ReportTemplatePayload:
    """The whole of it. Reports that were written with it stay as they are."""
    changed = storage.report_templates.replace(
        template_id, change.version, change.as_text(), principal.name
    )
    return template_payload(changed)


@router.delete(
    "/{template_id}",
    status_code=204,
    summary="Remove a template of reports",
    responses=problems(403),
)
@policy(ADMINS, "admin", _changed("D"), confirmed_to=_CHANGE)
def remove_report_template(storage: StorageDep, template_id: TemplateId) -> Response:
    """Doing it again is harmless. Reports that were written with it stay as they are."""
    storage.report_templates.remove(template_id)
    return Response(status_code=204)
