import type { HandCalibration } from "@/dicom/calibration/byHand";
import { stringOf, type DicomJson } from "@/dicom/dicomweb";
import { request } from "@/shared/api/http";
import { forNode, kindOf, type Measurement, type Quantity } from "@/dicom/measurements/measurement";
import { personName } from "@/shared/lib/format";
import type { HangingProtocol, Page, StudySummary } from "@/shared/api/types";

/** The site's hanging protocols, in the order in which they are tried. */
export async function listHangingProtocols(signal?: AbortSignal): Promise<HangingProtocol[]> {
  const response = await request("/api/v1/hanging-protocols", { signal });
  return ((await response.json()) as { protocols: HangingProtocol[] }).protocols;
}

/** The studies of one patient, the newest first. */
export async function listStudiesOf(
  patientId: string,
  signal?: AbortSignal,
): Promise<StudySummary[]> {
  const query = new URLSearchParams({ patient_id: patientId, sort: "study_date", limit: "50" });
  const response = await request(`/api/v1/studies?${query}`, { signal });
  return ((await response.json()) as Page<StudySummary>).items;
}

/** The studies of one accession number, the newest first. */
export async function listStudiesOfOrder(accessionNumber: string, signal?: AbortSignal): Promise<StudySummary[]> {
  const query = new URLSearchParams({ accession_number: accessionNumber, sort: "study_date", limit: "50" });
  const response = await request(`/api/v1/studies?${query}`, { signal });
  return ((await response.json()) as Page<StudySummary>).items;
}

interface KeptMeasurement {
  shape: string;
  sop_instance_uid: string;
  frame_number: number;
  points: [number, number][];
  is_closed: boolean;
  label: string;
  tracking_uid: string;
  measured: Quantity[];
  caveat: string;
  taken_over_from: { sop_instance_uid: string; tracking_uid: string; maker: string } | null;
  hand_calibration: { points: HandCalibration["points"]; length_mm: number } | null;
}

/** One SR of the study with what was drawn, by this node or another viewer. */
export interface MeasurementReport {
  sopInstanceUid: string;
  title: string;
  author: string;
  /** Whether a reader drew it here; else a pipeline found it, or others sent it. */
  isOwn: boolean;
  measurements: Measurement[];
  /** How many of it lie at places of the patient instead of on an image, and are not drawn. */
  undrawn: number;
}

interface KeptReport {
  sop_instance_uid: string;
  title: string;
  author: string;
  source: string;
  origin: "READER" | "PIPELINE" | "OTHER";
  measurements: KeptMeasurement[];
  undrawn: number;
}

/** `dimse:AE` is the sender AE. */
function senderOf({ origin, source }: KeptReport): string {
  return origin === "PIPELINE" ? "" : source.slice(source.lastIndexOf(":") + 1);
}

function reportOf(kept: KeptReport): MeasurementReport {
  const isOwn = kept.origin === "READER";
  const sender = senderOf(kept);
  const maker = personName(kept.author) || sender;
  return {
    sopInstanceUid: kept.sop_instance_uid,
    title: kept.title,
    author: kept.author,
    isOwn,
    undrawn: kept.undrawn,
    measurements: kept.measurements.flatMap((one, index) => {
      const kind = kindOf(one.shape);
      if (!kind) return [];
      return {
        // Others may state any UID, one of ours among them.
        trackingUid: isOwn ? one.tracking_uid : `${kept.sop_instance_uid}#${index}`,
        kind,
        sopInstanceUid: one.sop_instance_uid,
        frameNumber: one.frame_number,
        points: one.points,
        isClosed: one.is_closed,
        label: one.label,
        measured: one.measured,
        obstacle: null,
        savedAs: [],
        caveats: one.caveat ? [{ sentence: one.caveat }] : [],
        madeBy: isOwn
          ? null
          : { sopInstanceUid: kept.sop_instance_uid, title: kept.title, maker, sender, trackingUid: one.tracking_uid },
        takenOver: one.taken_over_from && {
          sopInstanceUid: one.taken_over_from.sop_instance_uid,
          trackingUid: one.taken_over_from.tracking_uid,
          maker: personName(one.taken_over_from.maker),
        },
        // What others calibrated is no calibration of this reader's.
        handCalibration:
          isOwn && one.hand_calibration
            ? { points: one.hand_calibration.points, lengthMm: one.hand_calibration.length_mm }
            : null,
      };
    }),
  };
}

const json = { "Content-Type": "application/json" };

/** The measurements of a study as its SR instances hold them, oldest first. */
export async function listMeasurements(
  studyInstanceUid: string,
  signal?: AbortSignal,
): Promise<MeasurementReport[]> {
  const response = await request(`/api/v1/studies/${studyInstanceUid}/measurements`, { signal });
  return ((await response.json()) as { items: KeptReport[] }).items.map(reportOf);
}

/** Saves a whole report as a new SR, which takes the place of the one before it. */
export async function saveMeasurements(
  studyInstanceUid: string,
  measurements: readonly Measurement[],
  predecessor: string,
): Promise<MeasurementReport> {
  const response = await request(`/api/v1/studies/${studyInstanceUid}/measurements`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({
      predecessor_sop_instance_uid: predecessor,
      measurements: measurements.map(forNode),
    }),
  });
  return reportOf((await response.json()) as KeptReport);
}

/** One image, or one of its frames, that somebody marked. */
export interface KeyImage {
  sop_instance_uid: string;
  frame_number: number | null;
}

export interface KeyImages {
  sop_instance_uid: string;
  source: string;
  images: KeyImage[];
}

export async function listKeyImages(
  studyInstanceUid: string,
  signal?: AbortSignal,
): Promise<KeyImages[]> {
  const response = await request(`/api/v1/studies/${studyInstanceUid}/key-images`, { signal });
  return ((await response.json()) as { items: KeyImages[] }).items;
}

export async function saveKeyImages(
  studyInstanceUid: string,
  images: readonly KeyImage[],
  predecessor: string,
): Promise<KeyImages> {
  const response = await request(`/api/v1/studies/${studyInstanceUid}/key-images`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ images, predecessor_sop_instance_uid: predecessor }),
  });
  return (await response.json()) as KeyImages;
}

const seriesInstanceUidTag = "0020000E";

/** The series that an instance stands in, by QIDO-RS; null when the study holds none such. */
export async function seriesOfInstance(
  studyInstanceUid: string,
  sopInstanceUid: string,
): Promise<string | null> {
  const query = new URLSearchParams({ SOPInstanceUID: sopInstanceUid });
  const response = await request(`/dicom-web/studies/${studyInstanceUid}/instances?${query}`, {
    headers: { Accept: "application/dicom+json" },
  });
  // No Content: no match (PS3.18 8.3.4).
  if (response.status === 204) return null;
  const [found] = (await response.json()) as DicomJson[];
  return found ? stringOf(found, seriesInstanceUidTag) || null : null;
}
