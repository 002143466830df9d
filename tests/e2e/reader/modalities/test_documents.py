"""A person opens what is no image: an ECG on millimetre paper, a plan of radiotherapy."""

import re
from collections.abc import Iterator
from io import BytesIO

import pydicom
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.shared import shared_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def sent(node: Node, name: str) -> pydicom.Dataset:
    path = shared_folder("data") / "odd" / name
    node.api.post(
        "/dicom-web/studies",
        content=path.read_bytes(),
        headers={"Content-Type": "application/dicom"},
    ).raise_for_status()
    return pydicom.dcmread(path)


@pytest.mark.slow
def test_an_ecg_is_drawn_true_to_scale_and_measured(node: Node, page: Page) -> None:
    ecg = sent(node, "waveform_ecg.dcm")
    microvolts = ecg.waveform_array(0)
    page.goto(f"{node.url}/study/?study={ecg.StudyInstanceUID}")
    dialog = page.get_by_test_id("result-dialog")
    expect(dialog.get_by_test_id("trace")).to_have_count(12)
    # Lead II, 25 mm/s and 10 mm/mV: its highest sample stands where pydicom's does.
    path = dialog.get_by_test_id("trace").nth(1).get_attribute("d") or ""
    drawn = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) (-?[\d.]+)", path)]
    assert len(drawn) == len(microvolts)
    top = int(microvolts[:, 1].argmax())
    assert drawn[top][0] == pytest.approx(top / 1000 * 25, abs=0.01)
    assert drawn[top][1] == pytest.approx(36 - microvolts[top, 1] / 1000 * 10, abs=0.01)
    dialog.get_by_role("combobox", name="Lead").select_option("1")
    dialog.get_by_label("From (ms)").fill("100")
    dialog.get_by_label("to (ms)").fill("1082")
    rise = (microvolts[1082, 1] - microvolts[100, 1]) / 1000
    reading = dialog.get_by_test_id("caliper-reading")
    expect(reading).to_have_text(f"II: 982 ms, 61/min, difference {rise:.3f} mV")
    expect(dialog.get_by_test_id("waveform-statements")).to_contain_text("RR Interval 982 ms")
    assert serious_findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_test_id("result-button")).to_have_count(1)


@pytest.mark.slow
def test_a_long_ecg_is_drawn_page_by_page(node: Node, page: Page) -> None:
    """One of ten minutes has as many samples as would make the page stand still."""
    ecg = pydicom.dcmread(shared_folder("data") / "odd" / "waveform_ecg.dcm")
    microvolts = ecg.waveform_array(0)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ecg, keyword, generate_uid())
    ecg.file_meta.MediaStorageSOPInstanceUID = ecg.SOPInstanceUID
    group = ecg.WaveformSequence[0]
    group.WaveformData *= 60
    group.NumberOfWaveformSamples *= 60
    written = BytesIO()
    ecg.save_as(written)
    node.api.post(
        "/dicom-web/studies",
        content=written.getvalue(),
        headers={"Content-Type": "application/dicom"},
    ).raise_for_status()
    page.goto(f"{node.url}/study/?study={ecg.StudyInstanceUID}")
    dialog = page.get_by_test_id("result-dialog")
    shown = dialog.get_by_test_id("waveform-page").get_by_role("status")
    seconds = len(microvolts) / 1000 * 60
    expect(shown).to_have_text(f"0 to 10 s of {seconds:g} s")
    expect(dialog.get_by_test_id("trace")).to_have_count(12)
    path = dialog.get_by_test_id("trace").nth(1).get_attribute("d") or ""
    assert len(re.findall("[ML]", path)) == 10_000
    dialog.get_by_role("button", name="Later").click()
    expect(shown).to_have_text(f"10 to 20 s of {seconds:g} s")
    path = dialog.get_by_test_id("trace").nth(1).get_attribute("d") or ""
    (first,) = re.findall(r"^M[\d.]+ (-?[\d.]+)", path)
    expected = 36 - microvolts[10_000 % len(microvolts), 1] / 1000 * 10
    assert float(first) == pytest.approx(expected, abs=0.01)
    dialog.get_by_label("Go to (s)").fill("305")
    dialog.get_by_label("Go to (s)").press("Enter")
    expect(shown).to_have_text(f"300 to 310 s of {seconds:g} s")
    assert serious_findings(page) == []


@pytest.mark.slow
def test_a_plan_is_read_as_text(node: Node, page: Page) -> None:
    plan = sent(node, "rtplan.dcm")
    page.goto(f"{node.url}/study/?study={plan.StudyInstanceUID}")
    result = page.get_by_test_id("result")
    expect(result).to_contain_text(f"Beam 1 {plan.BeamSequence[0].BeamName}")
    meterset = plan.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset
    expect(result).to_contain_text(f"Meterset{float(meterset)} MU")
