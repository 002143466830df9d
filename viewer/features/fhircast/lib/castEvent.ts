/** Events of a FHIRcast hub (HL7 FHIRcast 3.0.0), as far as the viewer follows them. */

/** Ids of what this node announces for a person begin so; the person's other pages ignore it. */
const ownIds = "mediview-";
const uidSystem = "urn:dicom:uid";
const uidPattern = /^(?=.{1,64}$)[0-9]+(\.[0-9]+)*$/;
const longestShown = 200;

interface Identifier {
  system?: unknown;
  value?: unknown;
  type?: { coding?: { code?: unknown }[] };
}

interface Resource {
  identifier?: Identifier[];
  basedOn?: { identifier?: Identifier }[];
  birthDate?: unknown;
  issue?: { diagnostics?: unknown }[];
}

export interface CastEvent {
  id: string;
  /** In small letters: names are alike in any case (2.3). */
  name: string;
  context: { key?: unknown; resource?: Resource }[];
}

/** By what another system names a study. */
export interface NamedStudy {
  studyInstanceUid: string;
  accessionNumber: string;
  patient: NamedPatient;
}

/** Whom another system has open; empty where it does not say. */
export interface NamedPatient {
  ids: readonly string[];
  /** YYYY-MM-DD. */
  birthDate: string;
}

export type HubMessage = { kind: "event"; event: CastEvent } | { kind: "denied" } | { kind: "other" };

export function readMessage(text: string): HubMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "other" };
  }
  const message = value as { id?: unknown; "hub.mode"?: unknown; event?: { "hub.event"?: unknown; context?: unknown } } | null;
  if (message?.["hub.mode"] === "denied") return { kind: "denied" };
  const { event, id } = message ?? {};
  if (typeof id !== "string" || typeof event?.["hub.event"] !== "string" || !Array.isArray(event.context)) return { kind: "other" };
  const context = (event.context as unknown[]).filter((one) => typeof one === "object" && one !== null);
  return { kind: "event", event: { id, name: event["hub.event"].toLowerCase(), context: context as CastEvent["context"] } };
}

/** Whether another system opened a study or the report of one. */
export function opensStudy(event: CastEvent): boolean {
  return (event.name === "imagingstudy-open" || event.name === "diagnosticreport-open") && !event.id.startsWith(ownIds);
}

/** Null where the event names no study. */
export function studyOf(event: CastEvent): NamedStudy | null {
  for (const study of resources(event, "study")) {
    const identifiers = listOf(study.identifier);
    const orders = listOf(study.basedOn).flatMap((one) => (one.identifier ? [one.identifier] : []));
    const uid = textOf(identifiers.find((one) => one.system === uidSystem)).replace(/^urn:oid:/, "");
    const accession = textOf([...identifiers, ...orders].find((one) => listOf(one.type?.coding).some((coding) => coding.code === "ACSN")));
    if (uidPattern.test(uid) || accession) {
      const patient = patientOf(event);
      return { studyInstanceUid: uidPattern.test(uid) ? uid : "", accessionNumber: accession.slice(0, 64), patient };
    }
  }
  return null;
}

/**
 * Whether a study that is found by its accession number is of the patient named. Each site gives out such
 * numbers, and IDs of patients, too: birth dates that differ are of two people, whatever the ID.
 */
export function isOfPatient(named: NamedPatient, study: { patient_id: string; patient_birth_date: string | null }): boolean {
  const born = study.patient_birth_date ?? "";
  if (named.birthDate && born) return named.birthDate === born;
  const id = study.patient_id.trim();
  return id !== "" && named.ids.includes(id);
}

function patientOf(event: CastEvent): NamedPatient {
  const [patient] = resources(event, "patient");
  const ids = listOf(patient?.identifier)
    .map(textOf)
    .filter((id) => id !== "");
  return { ids, birthDate: typeof patient?.birthDate === "string" ? patient.birthDate : "" };
}

/** What a SyncError says of who did not follow; "" for any other event. */
export function syncErrorOf(event: CastEvent): string {
  if (event.name !== "syncerror") return "";
  const stated = listOf(resources(event, "operationoutcome")[0]?.issue)[0]?.diagnostics;
  return typeof stated === "string" ? stated.slice(0, longestShown) : "";
}

function resources(event: CastEvent, key: string): Resource[] {
  return event.context.flatMap((one) => (one.key === key && one.resource ? [one.resource] : []));
}

function listOf<T>(value: T[] | undefined): T[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : [];
}

function textOf(identifier: Identifier | undefined): string {
  return typeof identifier?.value === "string" ? identifier.value.trim() : "";
}
