"""Which events the listener takes, and what it says of the others."""

from unittest.mock import Mock

import pytest

from dicom_node.hl7.answering import Receivers, answer
from storage.settings import load_settings
from tests.dicom_node.hl7.mllp import parsed


def answered(kind: str, *segments: str) -> tuple[Mock, str, str, str]:
    """The receivers, the acknowledgement code, its sentence, and the error segment."""
    receivers = Mock(spec=Receivers)
    header = f"MSH|^~\\&|HIS|HOSPITAL|MEDIVIEW||20260102030405||{kind}|C-1|P|2.5.1"
    shown = answer(receivers, load_settings(), "\r".join((header, *segments)).encode(), "10.0.0.9")
    msa = parsed(shown).msa
    error = next((one for one in shown.decode().split("\r") if one.startswith("ERR")), "")
    return receivers, msa.msa_1.value, msa.msa_3.value or "", error


@pytest.mark.parametrize(
    ("kind", "code", "named"),
    [
        ("ADT^A23^ADT_A21", 201, ("ADT A23", "A08", "A40")),
        ("ORM^O02^ORM_O02", 201, ("ORM O02", "ORM O01")),
        ("ORU^R01^ORU_R01", 200, ("ORM O01", "ADT")),
        ("ADT^Müller Anna", 201, ("ADT",)),
    ],
)
def test_an_event_that_is_not_taken_is_rejected_by_name(
    kind: str, code: int, named: tuple[str, ...]
) -> None:
    _, acknowledged, reason, error = answered(
        kind, "EVN||20260102", "PID|1||A^^^H||Weber^Maria", "PID|2||B^^^H||Weber^Maria"
    )
    assert acknowledged == "AR"
    place = "MSH^1^9^1^2" if code == 201 else "MSH^1^9"
    assert error.split("|")[2:5] == [place, f"{code}^^HL70357", "E"]
    for one in named:
        assert one in reason
    assert "Weber" not in reason
    assert "Müller" not in reason


@pytest.mark.parametrize("event", ["A02", "A03", "A06", "A07", "A11", "A12", "A13", "A38"])
def test_what_concerns_the_visit_alone_is_accepted_and_changes_nothing(event: str) -> None:
    """IHE RAD-1 and RAD-12 have a registration send them to the image manager, too."""
    receivers, acknowledged, reason, error = answered(f"ADT^{event}", "PID|1||A^^^H||Weber^Maria")
    assert (acknowledged, reason, error) == ("AA", "", "")
    assert receivers.mock_calls == []
