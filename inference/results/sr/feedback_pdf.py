"""The report as PDF once more, after feedback: what each finding is now, and what a reader stated.

The pictures are drawn again, since those of before show the values of before.
"""

import copy
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from pydicom.dataset import Dataset
from pydicom.uid import UID

from inference.findings.standing import StandingFinding
from inference.result_identity import local_time
from inference.results.narrative import note_of_kind, shown_value
from inference.results.patient_and_study import character_set_of
from inference.results.pictures.render import Picture
from inference.results.sr.pdf import (
    PAGE_WIDTH_PT,
    SIZE_PT,
    cautions,
    patient_rows,
    shown_pictures,
    table_of,
    written_pdf,
)
from inference.typesetting.text import Typesetter
from storage.core.text.outside_text import clean_text

_AFTER_FEEDBACK = "Written after feedback of a reader. It replaces the report of before"
_COMPARED_OTHERWISE = (
    "Written since an earlier study counts no more. It replaces the report of before"
)
_DRAWN_AGAIN = ". The pictures show what counts now, in the slices of before."
_NO_PICTURES = ", whose pictures are left out: they state the values of that time."
LEFT_OUT = "left out"


def encode_feedback_pdf(
    report: Dataset,
    predecessor: Dataset,
    stated: Sequence[StandingFinding],
    sentences: Sequence[str],
    at: datetime,
    uid: str,
    pictures: Sequence[Picture] = (),
    *,
    after_feedback: bool = True,
) -> Dataset:
    """A version of `report`, the PDF of a job, in its series; doing it again repeats its bytes.

    `sentences`: the feedback in words. `predecessor`: the version that it follows. `pictures`:
    drawn again; none where the images are not what they were. `after_feedback`: whether a reader
    stated something; else comparisons alone have changed.
    """
    document = copy.deepcopy(report)
    local = local_time(at, report)
    document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    document.InstanceNumber = int(predecessor.InstanceNumber) + 1
    document.ContentDate = document.InstanceCreationDate = local.strftime("%Y%m%d")
    document.ContentTime = document.InstanceCreationTime = local.strftime("%H%M%S")
    why = _AFTER_FEEDBACK if after_feedback else _COMPARED_OTHERWISE
    content = _write(report, stated, sentences, pictures, why)
    document.EncapsulatedDocumentLength = len(content)
    document.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return document


def _write(
    report: Dataset,
    stated: Sequence[StandingFinding],
    sentences: Sequence[str],
    pictures: Sequence[Picture],
    why: str,
) -> bytes:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Spacer

    title, _, kind = str(report.get("DocumentTitle") or "").rpartition(": ")
    styles = getSampleStyleSheet()
    counting = [one.finding for one in stated if one.counts]
    note = note_of_kind(is_ai=kind.startswith("AI "))
    rows = [
        (one.finding.label, shown_value(one.finding) if one.counts else LEFT_OUT) for one in stated
    ]

    def story(text: Typesetter) -> list[Any]:
        def line(content: str) -> Any:
            return Paragraph(text.markup(content, PAGE_WIDTH_PT, SIZE_PT), styles["Normal"])

        return [
            Paragraph(escape(clean_text(title)), styles["Title"]),
            Paragraph(f"<b>{escape(note)}</b>", styles["Normal"]),
            Spacer(1, 10),
            # Its own series is not the one that was analysed.
            table_of(patient_rows(report)[:-1], text),
            Spacer(1, 12),
            line(why + (_DRAWN_AGAIN if pictures else _NO_PICTURES)),
            Spacer(1, 6),
            table_of(rows, text, ("Finding", "Value now")),
            Spacer(1, 12),
            *(line(one) for one in sentences),
            Spacer(1, 6),
            *(line(one) for one in cautions(counting)),
            *shown_pictures(pictures),
            Spacer(1, 12),
            line(f"Made by {'; '.join(_versions(report))}."),
        ]

    return written_pdf(title, character_set_of(report), story)


def _versions(report: Dataset) -> list[str]:
    versions = report.get("SoftwareVersions") or ()
    return [versions] if isinstance(versions, str) else [str(one) for one in versions]
