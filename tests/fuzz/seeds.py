"""One well-formed example for each target, from which a fuzzer sets out."""

import io
import json
import struct
import zlib

import pydicom
from pydicom.uid import CTImageStorage

from dicom_node.network.command_set import encode_store_request
from inference.rules.rule_set import RuleSet
from tests import builders
from tests.api.fhir import test_subscriptions as subscriptions
from tests.api.fhir.test_orders import ORDER
from tests.api.fhircast.peers import opened
from tests.faults.raw_peer import ASSOCIATE_RQ, associate_request, context, pdu
from tests.fuzz.bodies import CARDS, request_forms
from tests.fuzz.examples import example_of


def _file() -> bytes:
    dataset = builders.t1_head((1, 4, 4))[0]
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


def _data_sets() -> list[bytes]:
    dataset = builders.t1_head((1, 4, 4))[0]
    seeds = []
    for number, (implicit, little) in enumerate(((True, True), (False, True), (False, False))):
        target = io.BytesIO()
        pydicom.filewriter.write_dataset(_writing(target, implicit, little), dataset)
        seeds.append(bytes([number]) + target.getvalue())
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    plain = seeds[1][1:]
    return [*seeds, bytes([3]) + deflate.compress(plain) + deflate.flush()]


def _writing(target: io.BytesIO, implicit: bool, little: bool) -> pydicom.filebase.DicomIO:
    fp = pydicom.filebase.DicomFileLike(target)
    fp.is_implicit_VR, fp.is_little_endian = implicit, little
    return fp


def _store_request() -> bytes:
    return encode_store_request(
        message_id=7, sop_class_uid=CTImageStorage, sop_instance_uid="1.2.3"
    )


def _pdus() -> bytes:
    command = _store_request()
    pdv = struct.pack(">LBB", len(command) + 2, 1, 3) + command
    data = struct.pack(">BxL", 4, len(pdv)) + pdv
    release = struct.pack(">BxL", 5, 4) + bytes(4)
    return bytes([16]) + data + release


def _workitem() -> bytes:
    return json.dumps(
        {
            "00404041": {"vr": "CS", "Value": ["READY"]},
            "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
            "00741200": {"vr": "CS", "Value": ["MEDIUM"]},
            "00741204": {"vr": "LO", "Value": ["Segment"]},
            "00404005": {"vr": "DT", "Value": ["20260102030405"]},
            "00404021": {"vr": "SQ", "Value": [{"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        }
    ).encode()


_QUERY = b"PatientName=Do*&StudyDate=20260101-20260131&limit=5&00080061=CT&fuzzymatching=true"
_ORDER = "\r".join(
    (
        "MSH|^~\\&|RIS|H|MEDIVIEW||20260102030405||ORM^O01^ORM_O01|C-1|P|2.5.1||||||UNICODE UTF-8",
        "PID|1||P-77^^^H||Müller^Jürgen^Maria^Jr^Dr||19700131|M",
        "ORC|NW|PL-1|FI-1||SC||^^^20260105083000^^S",
        "OBR|1|PL-1|FI-1|CTCH^CT of the chest^L||||||||||||||A-123||RP-9||||CT|||||||^Cough\\T\\",
        "ZDS|1.2.3.4^RIS^Application^DICOM",
    )
)

_XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1"><Alphabetic>
<FamilyName>Doe</FamilyName></Alphabetic></PersonName></DicomAttribute>
<DicomAttribute tag="00081140" vr="SQ" keyword="ReferencedImageSequence"><Item number="1">
<DicomAttribute tag="00280010" vr="US" keyword="Rows"><Value number="1">4</Value></DicomAttribute>
</Item></DicomAttribute></NativeDicomModel>"""

_TEMPLATE = b"""<!DOCTYPE html><html lang="en"><head><title>CT of the chest</title>
<meta name="dcterms.title" content="CT"/><script type="text/xml"><template_attributes/></script>
</head><body><section id="s1" data-section-name="Findings"><header>Lungs</header><p>
<textarea name="t">Clear.</textarea><select><option selected>none</option><option>some</option>
</select><input type="checkbox" value="seen"/> Nodule</p></section></body></html>"""

_MULTIPART = (
    b"\x10--b\r\nContent-Type: application/dicom\r\nContent-Length: 3\r\n\r\nabc"
    b"\r\n--b\r\nContent-Type: application/dicom; transfer-syntax=1.2\r\n\r\ndef\r\n--b--\r\n"
)


def seeds() -> dict[str, list[bytes]]:
    """By target."""
    return {
        "part10": [_file()],
        "data_set": _data_sets(),
        "command_set": [_store_request()],
        "pdus": [_pdus()],
        "associate_request": [pdu(ASSOCIATE_RQ, associate_request([context(1, "1.2", ["1.2.3"])]))],
        "multipart": [_MULTIPART],
        "hl7": [_ORDER.encode()],
        "workitem_json": [_workitem()],
        "metadata_xml": [_XML],
        "query": [_QUERY],
        "request_body": [
            number.to_bytes(2, "big") + json.dumps(example_of(form)).encode()
            for number, form in enumerate(request_forms())
        ],
        "fhir_order": [json.dumps(ORDER).encode()],
        "fhir_subscription": [
            json.dumps(made("https://ehr.example.org/hook")).encode()
            for made in (subscriptions.r4, subscriptions.r5)
        ],
        "fhircast_message": [json.dumps(opened("desk-7", "1.2.3", accession="A-1")).encode()],
        "rules_yaml": [json.dumps(example_of(RuleSet)).encode()],
        "report_template": [_TEMPLATE],
        "model_card": [
            bytes([number]) + json.dumps(example_of(form)).encode()
            for number, form in enumerate(CARDS)
        ],
    }
