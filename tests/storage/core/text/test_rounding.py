"""One value has one rounding, wherever people read it; `viewer/tests/shared/format.test.ts` has the
same table."""

from dataclasses import replace

import pytest

from inference.reports.locale import load_locale
from inference.results.narrative import shown_value
from storage.search.passages import finding_text
from tests.inference.reports.known import fact

# By hand: three significant digits, one decimal at least and three at most; litres two, HU none.
SHOWN = [
    (1791.74, "cm3", "1,791.7"),
    (14.35, "cm3", "14.4"),
    (3.8123, "cm3", "3.81"),
    (0.476, "cm3", "0.476"),
    (0.0, "cm3", "0.0"),
    (21.778, "%", "21.8"),
    (1.938, "%", "1.94"),
    (0.2512, "%", "0.251"),
    (4.838, "L", "4.84"),
    (0.4838, "L", "0.48"),
    (-832.4, "[hnsf'U]", "-832"),
    (9.12, "mm", "9.1"),
]


@pytest.mark.parametrize(("value", "unit", "shown"), SHOWN)
def test_report_results_and_search_round_a_value_alike(value: float, unit: str, shown: str) -> None:
    finding = fact("Nodule volume", "118565006", value, unit, "nodules").finding
    quantity = load_locale("en").quantity(value, finding.unit).replace("\N{MINUS SIGN}", "-")
    assert quantity.startswith(shown)
    assert shown_value(finding).split(" ")[0] == shown
    assert finding_text(replace(finding, label="N")).startswith(f"N: {shown} ".replace(",", ""))
