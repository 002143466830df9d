"""What a part of the node lacks has codes, so that a viewer can say it in another language."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.server.health_sentences import TEMPLATES, HealthCode, coded, sentence
from inference.retention.outlook import DiskOutlook
from inference.retention.sentences import WAITS_FOR
from storage.retention.disk import DiskForecast, DiskMarks
from storage.retention.round import BlockedStudies, QuotaUse


@pytest.mark.parametrize("code", TEMPLATES)
def test_a_sentence_is_known_again_by_its_code(code: HealthCode) -> None:
    names = re.findall(r"{(\w+)}", TEMPLATES[code])
    parameters = {name: f"{at}.5" for at, name in enumerate(names, 1)}
    (part,) = coded(sentence(code, **parameters))
    assert (part.code, dict(part.parameters)) == (code, parameters)


def test_an_error_of_the_network_stands_within_its_sentence() -> None:
    detail = sentence("dicom_refuses", error="MEDIVIEW@127.0.0.1:11112 does not answer.")
    (part,) = coded(detail)
    assert part.parameters["error"] == "MEDIVIEW@127.0.0.1:11112 does not answer."


def test_what_a_check_does_not_write_itself_has_no_code() -> None:
    assert coded("OCR on node-1: ImportError: libxcb.so.1 Install the node again.") == ()
    assert coded("") == ()


def test_what_the_disk_and_retention_are_short_of_has_codes() -> None:
    gib = 1 << 30
    quotas: list[QuotaUse] = [
        {
            "rule": rule,
            "studies": studies,
            "size_bytes": gib,
            "quota_studies": 8,
            "quota_bytes": quota_bytes,
            "warn_percent": 90,
            "blocked": [],
        }
        for rule, studies, quota_bytes in (("a", 8, gib), ("b and c", 8, 0), ("d", 1, gib))
    ]
    full = DiskForecast(2.5 * gib, datetime(2026, 3, 1, tzinfo=UTC))
    blocked: list[BlockedStudies] = [
        {"kind": "delivery", "owed_to": "pacs", "studies": 40, "size_bytes": 1},
        {"kind": "legal_hold", "owed_to": "", "studies": 1, "size_bytes": 1},
    ]
    found = DiskOutlook(
        3 * gib // 2,
        100 * gib,
        DiskMarks(10 * gib, 5 * gib, gib),
        full,
        4 * gib,
        {"missing_bytes": 3 * gib, "blocked": blocked, "quotas": quotas},
    )
    codes = [
        [one.code for one in coded(detail)]
        for detail in (found.warning(), found.quotas(), found.stuck())
    ]
    assert codes == [
        ["disk_space_low", "disk_full_on", "retention_frees"],
        ["quota_of_both", "quota_of_studies", "quota_of_bytes"],
        ["retention_stuck", "studies_stay"],
    ]
    (low, *_) = coded(found.warning())
    assert dict(low.parameters) == {"free": "1.5 GiB", "share": "2%"}
    waits = replace(found, last_round={"problem": sentence("rules_wrong", problem="line 4: 'x'.")})
    assert [one.code for one in coded(waits.stuck())] == ["retention_waits", "rules_wrong"]


def test_what_studies_wait_for_is_listed_in_german_too() -> None:
    german = Path("viewer/shared/i18n/de/retention.ts").read_text(encoding="utf-8")
    assert [words for words in WAITS_FOR.values() if f'["{words}", ' not in german] == []
