"""The groups of operations."""

from typing import Any

_TAGS = {
    "studies": "Studies with their live state, their series, and what others announce of them.",
    "jobs": "Runs of pipelines: create, follow, move up, cancel, try again.",
    "findings": "What pipelines state, typed and coded, and what people say of it.",
    "alerts": "Critical findings, which wait for a person's acknowledgement.",
    "reports": "Reports of studies, from draft to signed; sentences are bound to findings.",
    "reading": "How people read: layouts, what they measure and mark.",
    "uploads": "Bytes by presigned URL, at once or in parts.",
    "analyze": "From files to findings in one call.",
    "language": "Questions and answers in words, search by meaning, and texts without names.",
    "events": "What happens, as server-sent events that resume by number.",
    "webhooks": "Whom the node notifies over HTTP, and what became of each notice.",
    "deliveries": "Results on their way to destinations, until these prove to hold them.",
    "hl7": "Messages to HL7 v2 systems, and what became of them.",
    "worklist": "What is scheduled for modalities.",
    "peers": "Who may call, and where results go.",
    "projects": "Studies for research, exported without what identifies their patients.",
    "priors": "Earlier studies that archives hold, and how far fetching them is.",
    "runs": "A pipeline over studies that are stored, a few at a time.",
    "pipelines": "What runs here, and by which models.",
    "models": "Versions of models: verification, activation, monitoring.",
    "rules": "The site's rules, and what they decided of a study.",
    "conflicts": "Other contents that came under known UIDs, and which of the two stays.",
    "patients": "Whose studies are: corrections, merges and moves, and their undoing.",
    "retention": "How long studies stay, and legal holds.",
    "session": "Signing in and out, second factors, and one's own settings.",
    "access": "Accounts and API keys.",
    "access groups": "Who sees which study, and access in an emergency.",
    "audit": "Who did what, and whether the trail is whole.",
    "operation": "Health and measurements.",
    "fhir": "What the node holds, as FHIR R4 resources.",
    "fhircast": "What PACS, report system and viewer of a person have open together (FHIRcast).",
    "DICOMweb": "Images and results (PS3.18 chapter 10). A Warning of the answer names query"
    " parameters that were ignored.",
    "DICOMweb worklist": "Workitems of the unified worklist, UPS-RS (PS3.18 chapter 11).",
}


def tags() -> list[dict[str, Any]]:
    return [{"name": name, "description": text} for name, text in _TAGS.items()]
