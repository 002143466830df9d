import { itemsOf, numbersOf, retrieveFrames, retrieveSeriesMetadata, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { doseGridOf, doseHeaderOf, type DoseGrid, type DoseHeader, type DoseObstacle } from "@/dicom/dose/doseGrid";
import { sumObstacle, sumOfDoses, type SumObstacle } from "@/dicom/dose/doseSum";
import { storedHistogramsOf, type StoredHistograms } from "@/dicom/dose/storedHistogram";
import type { StudyDetail } from "@/shared/api/types";

/** One RT Dose of a study. */
export interface Dose {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
  /** PLAN, BEAM, FRACTION… (PS3.3 C.8.8.3.1); empty where none is stated. */
  summation: string;
  comment: string;
  /** SOP Instance UIDs of its plans; none where none is named. */
  planUids: readonly string[];
  /** Of the beams that it names, by the fraction group they are in. */
  beams: readonly string[];
  /** The labels of its plans; empty where they are not in the study. */
  plan: string;
  /** What the plan wants its target to get, where the dose is of the whole plan: Gy; the highest of several. */
  prescribedGy: number | null;
  /** Of how many targets the plan states what they are to get. */
  prescriptionCount: number;
  /** The histograms that the file holds. */
  stored: StoredHistograms;
  header: DoseHeader | DoseObstacle;
}

/** The doses of a study by their headers, those of whole plans first. */
export async function dosesOf(study: Pick<StudyDetail, "study_instance_uid" | "series">, signal: AbortSignal): Promise<Dose[]> {
  const { study_instance_uid: studyInstanceUid } = study;
  const read = async (modality: string) => {
    const series = study.series.filter((one) => one.modality === modality);
    const found = await Promise.all(
      series.map(async ({ series_instance_uid: uid }) =>
        (await retrieveSeriesMetadata(studyInstanceUid, uid, signal)).map((dataset) => ({ uid, dataset })),
      ),
    );
    return found.flat();
  };
  const [doses, plans] = await Promise.all([read("RTDOSE"), read("RTPLAN")]);
  const planOf = new Map(plans.map(({ dataset }) => [stringOf(dataset, "00080018"), dataset]));
  return doses
    .map(({ uid, dataset }) => doseOf(dataset, studyInstanceUid, uid, planOf))
    .sort((a, b) => Number(b.summation === "PLAN") - Number(a.summation === "PLAN"));
}

function doseOf(
  dataset: DicomJson,
  studyInstanceUid: string,
  seriesInstanceUid: string,
  planOf: ReadonlyMap<string, DicomJson>,
): Dose {
  const references = itemsOf(dataset, "300C0002");
  const planUids = references.map((one) => stringOf(one, "00081155")).filter(Boolean);
  const plans = planUids.map((one) => planOf.get(one)).filter((one) => one !== undefined);
  const [plan] = plans;
  const summation = stringOf(dataset, "3004000A");
  const targets = plan ? itemsOf(plan, "300A0010").flatMap((one) => numbersOf(one, "300A0026").slice(0, 1)) : [];
  return {
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid: stringOf(dataset, "00080018"),
    summation,
    comment: stringOf(dataset, "30040006"),
    planUids,
    beams: references.flatMap(beamsOf),
    plan: plans
      .map((one) => stringOf(one, "300A0002") || stringOf(one, "300A0003"))
      .filter(Boolean)
      .join(" + "),
    // A beam or a fraction alone gives a part of it.
    prescribedGy: summation === "PLAN" && targets.length > 0 ? Math.max(...targets) : null,
    prescriptionCount: targets.length,
    stored: storedHistogramsOf(dataset),
    header: doseHeaderOf(dataset),
  };
}

/** The beams of an item of Referenced RT Plan Sequence (PS3.3 C.8.8.3). */
function beamsOf(reference: DicomJson): string[] {
  return itemsOf(reference, "300C0020").flatMap((group) =>
    itemsOf(group, "300C0004").flatMap((beam) => {
      const [number] = numbersOf(beam, "300C0006");
      return number === undefined ? [] : [`${numbersOf(group, "300C0022")[0] ?? ""}:${number}`];
    }),
  );
}

/** Reads the values of a dose. */
export async function readGrid(dose: Dose, header: DoseHeader, signal: AbortSignal): Promise<DoseGrid> {
  const numbers = header.offsetsMm.map((_, index) => index + 1);
  return doseGridOf(
    header,
    await retrieveFrames(dose.studyInstanceUid, dose.seriesInstanceUid, dose.sopInstanceUid, numbers, signal),
  );
}

/** One dose as it is, several added up; or why they do not add up. */
export function summed(parts: readonly Dose[], grids: readonly DoseGrid[]): DoseGrid | SumObstacle | null {
  const [first, ...others] = grids;
  if (!first || grids.length !== parts.length) return null;
  if (others.length === 0) return first;
  const obstacle = sumObstacle(parts.map(({ summation, planUids, beams }, at) => ({ summation, planUids, beams, grid: grids[at] ?? first })));
  return obstacle ?? sumOfDoses([first, ...others]);
}
