"""The same requests to Orthanc's DICOMweb plugin, which must give the same answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import CORNERSTONE, bodies_of, read
from tests.services import orthanc

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
NAMES = ("CT_small.dcm", "MOVEKNEE.dcm", "examples_ybr_color.dcm", "test-SR.dcm")
# What each server says of itself, or of which only one knows: availability and addresses,
# character set, offsets, transfer syntax.
# The counts differ since the node holds more than Orthanc was given.
OWN = frozenset(
    {"00080005", "00080056", "00081190", "00083002", "7FE00010"}
    | {"00201206", "00201208", "00201209", "00080061"}
)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[httpx.Client]:
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed (Debian package orthanc-dicomweb)")
    options = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True}}
    with orthanc(tmp_path_factory.mktemp("peer"), options=options) as server:
        for name in NAMES:
            server.post("/instances", (shared_data / "odd" / name).read_bytes())
        with httpx.Client(base_url=f"{server.url}/dicom-web") as client:
            yield client


def ask(client: httpx.Client, url: str) -> list[dict[str, Any]]:
    response = client.get(url, headers={"Accept": "application/dicom+json"})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


def comparable(value: Any) -> Any:
    """Values without what the JSON model leaves open: numbers as text, empty values, inlining."""
    if isinstance(value, dict):
        if "vr" in value:
            inner = [v for v in value.get("Value", []) if v not in (None, "", {})]
            if value["vr"] in ("DS", "IS"):
                return value["vr"], [float(v) for v in inner]
            return value["vr"], comparable(inner)
        # Orthanc leaves unknown private attributes as UN, and the binary ones out.
        return {
            k: comparable(v) for k, v in value.items() if int(k[:4], 16) % 2 == 0 and k not in OWN
        }
    if isinstance(value, list):
        return [
            comparable(v) if isinstance(v, dict) and "Alphabetic" not in v else v for v in value
        ]
    return value


@pytest.mark.parametrize("name", NAMES)
def test_metadata_agree(
    node: DicomwebNode, peer: httpx.Client, shared_data: Path, name: str
) -> None:
    url = node.path_of(node.stored(shared_data / "odd" / name)) + "/metadata"
    with node.client() as client:
        (ours,), (theirs,) = (ask(c, url) for c in (client, peer))
    mine, others = comparable(ours), comparable(theirs)
    assert set(others) <= set(mine)
    for tag, value in others.items():
        assert mine[tag] == value, tag


@pytest.mark.parametrize("name", NAMES[:3])
def test_frames_agree(node: DicomwebNode, peer: httpx.Client, shared_data: Path, name: str) -> None:
    count = int(read(shared_data / "odd" / name).get("NumberOfFrames") or 1)
    url = f"{node.path_of(node.stored(shared_data / 'odd' / name))}/frames/{count}"
    with node.client(headers={"Accept": CORNERSTONE}) as client:
        (ours,) = bodies_of(client.get(url))
    response = peer.get(url, headers={"Accept": CORNERSTONE})
    assert response.status_code == 200
    assert ours.rstrip(b"\0") in response.content


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_searches_agree(
    node: DicomwebNode, peer: httpx.Client, shared_data: Path, level: str
) -> None:
    for name in NAMES:
        dataset = read(shared_data / "odd" / name)
        url = f"/{level}?StudyInstanceUID={dataset.StudyInstanceUID}"
        with node.client() as client:
            ours, theirs = ask(client, url), ask(peer, url)
        if len(ours) != len(theirs):
            continue  # the node holds more of that study than Orthanc was given
        for mine, other in zip(ours, theirs, strict=True):
            expected = comparable(other)
            found = comparable(mine)
            for tag in set(expected) & set(found):
                assert found[tag] == expected[tag], (name, tag)
            required = {"0020000D", "00100020", "00080020"} & set(expected)
            assert required <= set(found)
