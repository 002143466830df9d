import type { Lesion, LesionCourse } from "@/shared/api/types";

/** What readers measured by bidirectional measurements; everything else is a model's. */
const drawnLesions = "drawn-lesions";

/** One lesion over the studies of a course; null where it was not seen. */
export type LesionRow = { trackingUid: string; label: string; cells: (Lesion | null)[] };

type Match = LesionCourse["visits"][number]["gone"][number];

export function isMeasuredByReaders(course: LesionCourse): boolean {
  return course.pipeline === drawnLesions;
}

/** In the order in which they were first seen; the label is that of the last study that shows it. */
export function lesionRows(course: LesionCourse): LesionRow[] {
  const rows = new Map<string, LesionRow>();
  course.visits.forEach((visit, place) => {
    for (const lesion of visit.lesions) {
      const row = rows.get(lesion.tracking_uid) ?? {
        trackingUid: lesion.tracking_uid,
        label: lesion.label,
        cells: course.visits.map(() => null),
      };
      row.label = lesion.label;
      row.cells[place] = lesion;
      rows.set(lesion.tracking_uid, row);
    }
  });
  return [...rows.values()];
}

/** What a lesion of the last study may have been, the newest first. */
export function earlierLesions(course: LesionCourse): { lesion: Lesion; visit: LesionCourse["visits"][number] }[] {
  return course.visits
    .slice(0, -1)
    .reverse()
    .flatMap((visit) => visit.lesions.map((lesion) => ({ lesion, visit })));
}

/** The study whose number the label is; null where it is the last one. */
export function lastSeen(course: LesionCourse, row: LesionRow): LesionCourse["visits"][number] | null {
  const place = row.cells.findLastIndex((cell) => cell !== null);
  return place === course.visits.length - 1 ? null : (course.visits[place] ?? null);
}

const fatesOfReaders: Partial<Record<string, string>> = { new: "firstMeasured", gone: "notMeasured" };

/** What became of a lesion at a study. A reader may not have measured what is there. */
export function fateOf(course: LesionCourse, row: LesionRow, place: number): string {
  const relation = relationOf(course, row, place);
  if (!isMeasuredByReaders(course)) return relation;
  return fatesOfReaders[relation] ?? relation;
}

/** Its relation, or gone where the study before showed it. */
function relationOf(course: LesionCourse, row: LesionRow, place: number): string {
  const lesion = row.cells[place];
  if (lesion) return lesion.match?.relation ?? "";
  const before = row.cells[place - 1];
  if (!before) return "";
  const visit = course.visits[place];
  const became = (matches: Match[] = []) => matches.some((one) => one.earlier_lesion_id === before.lesion_id);
  if (became(visit?.merged)) return "merged";
  if (became(visit?.outside)) return "outside";
  if (became(visit?.uncertain)) return "uncertain";
  return became(visit?.gone) ? "gone" : "";
}
