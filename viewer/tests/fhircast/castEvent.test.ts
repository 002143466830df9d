import { expect, it } from "vitest";
import { isOfPatient, opensStudy, readMessage, studyOf, syncErrorOf, type CastEvent } from "@/features/fhircast/lib/castEvent";

const uid = { system: "urn:dicom:uid", value: "urn:oid:1.2.840.99.1" };
const accession = { type: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "ACSN" }] }, value: " A-1 " };

function eventOf(name: string, context: unknown, id = "x1"): CastEvent {
  const message = readMessage(JSON.stringify({ id, timestamp: "2026-01-01T00:00:00Z", event: { "hub.topic": "t", "hub.event": name, context } }));
  if (message.kind !== "event") throw new Error("no event");
  return message.event;
}

const study = (resource: unknown) => [{ key: "study", resource }];

const nobody = { ids: [], birthDate: "" };

it("reads a study by its UID, its accession number or its order", () => {
  expect(studyOf(eventOf("ImagingStudy-open", study({ identifier: [uid, accession] })))).toEqual({
    studyInstanceUid: "1.2.840.99.1",
    accessionNumber: "A-1",
    patient: nobody,
  });
  expect(studyOf(eventOf("ImagingStudy-open", study({ basedOn: [{ identifier: accession }] })))).toEqual({
    studyInstanceUid: "",
    accessionNumber: "A-1",
    patient: nobody,
  });
  expect(studyOf(eventOf("ImagingStudy-open", study({ identifier: [{ ...uid, value: "1.2/../3" }] })))).toBeNull();
});

it("takes a study of the same accession number for the patient's by birth date or else ID alone", () => {
  const of = (patient: unknown) => {
    const event = eventOf("ImagingStudy-open", [...study({ identifier: [accession] }), { key: "patient", resource: patient }]);
    return studyOf(event)?.patient ?? nobody;
  };
  const here = { patient_id: "P-7", patient_birth_date: "1957-03-01" };
  const undated = { ...here, patient_birth_date: null };
  const identifier = [{ system: "urn:mrn", value: "X" }, { value: " P-7 " }];
  expect(isOfPatient(of({ identifier, birthDate: "1957-03-01" }), here)).toBe(true);
  // Known elsewhere by another ID.
  expect(isOfPatient(of({ identifier: [{ value: "Q-1" }], birthDate: "1957-03-01" }), here)).toBe(true);
  expect(isOfPatient(of({ identifier }), here)).toBe(true);
  expect(isOfPatient(of({ identifier, birthDate: "1957-03-01" }), undated)).toBe(true);
  expect(isOfPatient(of({ identifier, birthDate: "1957-03-02" }), here)).toBe(false);
  expect(isOfPatient(of({ identifier: [{ value: "Q-1" }] }), here)).toBe(false);
  expect(isOfPatient(of({ identifier: [{ value: "" }] }), { patient_id: "", patient_birth_date: null })).toBe(false);
  for (const unclear of [null, 7, {}, { identifier: {}, birthDate: 1957 }]) expect(isOfPatient(of(unclear), here)).toBe(false);
});

it("follows what others opened, whatever the case, and nothing that this node announced", () => {
  expect(opensStudy(eventOf("imagingstudy-OPEN", study({})))).toBe(true);
  expect(opensStudy(eventOf("DiagnosticReport-open", study({})))).toBe(true);
  expect(opensStudy(eventOf("ImagingStudy-close", study({})))).toBe(false);
  expect(opensStudy(eventOf("ImagingStudy-open", study({}), "mediview-1"))).toBe(false);
});

it("shows a SyncError's sentence, cut short", () => {
  const context = [{ key: "operationoutcome", resource: { issue: [{ diagnostics: "R".repeat(500) }] } }];
  expect(syncErrorOf(eventOf("SyncError", context))).toBe("R".repeat(200));
  expect(syncErrorOf(eventOf("Patient-open", context))).toBe("");
});

it.each(["", "{", "null", "[]", "7", '{"id":1,"event":{}}', '{"id":"1","event":{"hub.event":"x","context":{}}}'])("takes %j for nothing", (text) => {
  expect(readMessage(text).kind).toBe("other");
});

it("takes what is no resource for no study", () => {
  for (const resource of [null, 7, { identifier: {} }, { identifier: [null, 7, { value: 1 }], basedOn: [null] }]) {
    expect(studyOf(eventOf("ImagingStudy-open", study(resource)))).toBeNull();
  }
  expect(readMessage('{"hub.mode":"denied"}').kind).toBe("denied");
});
