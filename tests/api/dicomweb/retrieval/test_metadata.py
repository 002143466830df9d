"""Metadata: DICOM JSON against pydicom, and against Orthanc's answer for the same instances."""

import gzip
import json
import math
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.tag import Tag

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, read

JSON = {"Accept": "application/dicom+json"}
TEXT_NUMBERS = ("DS", "IS")


def metadata(node: DicomwebNode, path: str) -> list[dict[str, Any]]:
    with node.client(headers=JSON) as client:
        response = client.get(f"{path}/metadata")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    found: list[dict[str, Any]] = response.json()
    return found


def test_every_value_is_what_pydicom_reads(nodes: list[DicomwebNode]) -> None:
    checked = 0
    for node in nodes:
        for uid, path in node.files.items():
            (elements,) = metadata(node, node.path_of(uid))
            checked += compare(read(path), elements, path.name)
    assert checked > 10_000


def compare(dataset: pydicom.Dataset, elements: dict[str, Any], where: str) -> int:
    """Check each element of `dataset`, items of sequences too; returns how many there were."""
    checked = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for element in dataset:
            name = f"{element.tag:08X}"
            if element.tag.element == 0 or element.tag.group >= 0x7FE0:
                continue
            place = f"{where} {name}"
            assert name in elements, place
            found = elements[name]
            if element.VR == "SQ":
                items = found.get("Value", [])
                assert found["vr"] == "SQ", place
                assert len(items) == len(element.value), place
                for item, inner in zip(element.value, items, strict=True):
                    checked += compare(item, inner, place)
                continue
            if name != "00080005":
                assert_same(element, found, place)
            checked += 1
    return checked


def assert_same(element: pydicom.DataElement, found: dict[str, Any], place: str) -> None:
    assert found["vr"] == element.VR, place
    values = found.get("Value", [])
    if element.is_empty or "InlineBinary" in found or "BulkDataURI" in found:
        assert [v for v in values if v is not None] == [], place
        return
    expected = element.value if element.VM > 1 else [element.value]
    if element.VR in ("AT",):
        assert values == [f"{Tag(tag):08X}" for tag in expected], place
    elif element.VR == "PN":
        assert ["=".join(name_groups(v)).rstrip("=") for v in values] == [
            str(v).rstrip("=") for v in expected
        ], place
    elif element.VR in (*TEXT_NUMBERS, "FL", "FD"):
        for value, wanted in zip(values, expected, strict=True):
            if isinstance(value, str):
                assert value == str(wanted), place  # no number at all, as the sender wrote it
            elif value is None:
                assert wanted in (None, "") or not math.isfinite(wanted), place
            else:
                assert float(value) == pytest.approx(float(wanted)), place
    elif element.VR in ("LT", "ST", "UT"):
        assert values == [str(v).rstrip(" \0") for v in expected], place
    elif all(isinstance(v, str) for v in expected):
        assert [v or "" for v in values] == [str(v).strip(" \0") for v in expected], place
    else:
        assert values == list(expected), place


def name_groups(value: dict[str, str] | None) -> list[str]:
    value = value or {}
    return [value.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic")]


def test_the_whole_content_tree_of_a_report_is_there(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "seg_sr" / "sr_document.dcm"
    (elements,) = metadata(node, node.path_of(node.stored(path)))

    def count(items: list[Any]) -> int:
        return sum(1 + count(i.get("0040A730", {}).get("Value", [])) for i in items)

    def count_read(dataset: pydicom.Dataset) -> int:
        return sum(1 + count_read(item) for item in dataset.get("ContentSequence", []))

    assert count(elements["0040A730"]["Value"]) == count_read(read(path)) == 20


def test_text_of_every_character_set_leaves_as_utf8(node: DicomwebNode, shared_data: Path) -> None:
    (elements,) = metadata(node, node.path_of(node.stored(shared_data / "charsets/chrH31.dcm")))
    assert elements["00080005"]["Value"] == ["ISO_IR 192"]
    assert elements["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


def test_series_metadata_is_kept_and_grows_with_the_series(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    slices = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[:5]
    empty_node.keep(slices[:3])
    uid = next(iter(empty_node.files))
    series = empty_node.path_of(uid).partition("/instances/")[0]
    first = metadata(empty_node, series)
    objects = empty_node.storage.objects
    (key,) = objects.list("metadata/")
    kept = gzip.decompress(objects.get(key))
    names, *lines = kept.split(b"\n")
    assert len(names.split()) == len(lines) == 3

    empty_node.keep(slices[3:])
    second = metadata(empty_node, series)
    assert (len(first), len(second)) == (3, 5)
    assert {json.dumps(e) for e in first} <= {json.dumps(e) for e in second}
    numbers = [int(e["00200013"]["Value"][0]) for e in second]
    assert numbers == sorted(numbers)

    objects.put(key, b"not gzip")
    assert metadata(empty_node, series) == second


def test_an_unchanged_series_is_not_sent_twice_and_json_is_gzipped(
    node: DicomwebNode, shared_data: Path
) -> None:
    uid = node.stored(sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0])
    url = node.path_of(uid).partition("/instances/")[0] + "/metadata"
    with node.client(headers=JSON) as client:
        packed = client.get(url)
        plain = client.get(url, headers={"Accept-Encoding": "identity"})
        again = client.get(url, headers={"If-None-Match": packed.headers["etag"]})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert (again.status_code, again.content) == (304, b"")


def test_large_values_are_fetched_by_their_bulk_data_address(nodes: list[DicomwebNode]) -> None:
    """The value of every BulkDataURI, nested ones too, is that of the data set."""
    checked = 0
    for node in nodes:
        with node.client(headers={"Accept": 'multipart/related; type="*/*"'}) as client:
            for uid, path in node.files.items():
                (elements,) = metadata(node, node.path_of(uid))
                dataset = read(path)
                for element, uri in bulk_data(dataset, elements):
                    assert uri.startswith(node.url)
                    (body,) = bodies_of(client.get(uri.removeprefix(node.url)))
                    assert body == element, path.name
                    checked += 1
    assert checked > 10


def bulk_data(dataset: pydicom.Dataset, elements: dict[str, Any]) -> list[tuple[bytes, str]]:
    found = []
    for name, element in elements.items():
        if name == "7FE00010":
            continue
        for number, item in enumerate(element.get("Value", [])):
            if element["vr"] == "SQ":
                found += bulk_data(dataset[int(name, 16)].value[number], item)
        if "BulkDataURI" in element:
            value = dataset[int(name, 16)].value
            found.append((value, element["BulkDataURI"]))
    return found


def test_pixel_data_is_bulk_data_whole_or_by_frame(node: DicomwebNode, shared_data: Path) -> None:
    native, compressed = (
        shared_data / "odd" / n for n in ("CT_small.dcm", "examples_ybr_color.dcm")
    )
    with node.client(headers={"Accept": 'multipart/related; type="*/*"'}) as client:
        (elements,) = metadata(node, node.path_of(node.stored(native)))
        uri = elements["7FE00010"]["BulkDataURI"]
        assert bodies_of(client.get(uri)) == [read(native).PixelData]
        (elements,) = metadata(node, node.path_of(node.stored(compressed)))
        frames = bodies_of(client.get(elements["7FE00010"]["BulkDataURI"]))
    assert len(frames) == 30
    assert all(frame.startswith(b"\xff\xd8") for frame in frames)


def test_a_path_to_no_bulk_data_is_not_found(node: DicomwebNode, shared_data: Path) -> None:
    path = node.path_of(node.stored(shared_data / "odd" / "CT_small.dcm"))
    with node.client() as client:
        for wrong in ("00100010/1/00100020", "zz", "99999999", "../../etc/passwd", "0040A730/9/1"):
            assert client.get(f"{path}/bulkdata/{wrong}").status_code == 404, wrong


def test_the_public_address_stands_in_bulk_data_addresses(
    tmp_path: Path, shared_data: Path
) -> None:
    from tests.api.dicomweb.node import dicomweb_node

    with dicomweb_node(tmp_path, public_url="https://pacs.example/mediview/") as node:
        node.keep([shared_data / "odd" / "CT_small.dcm"])
        (elements,) = metadata(node, node.path_of(next(iter(node.files))))
    address = elements["7FE00010"]["BulkDataURI"]
    assert address.startswith("https://pacs.example/mediview/dicom-web/studies/")
