import { dicomDate } from "@/shared/lib/format";
import { text } from "@/shared/i18n";
import type { StudySummary } from "@/shared/api/types";

type Person = Pick<StudySummary, "patient_id" | "patient_birth_date" | "patient_name" | "patient_sex">;
type Dated = Pick<StudySummary, "study_date" | "study_time">;
type Other = Person & Dated & Pick<StudySummary, "study_instance_uid">;

/** Without regard to case, accents and trailing components, each group apart (PS3.5 6.2.1). */
function foldedName(name: string): string {
  const groups = name.split("=").map((group) =>
    group
      .normalize("NFKD")
      .replaceAll(/[\u0300-\u036f]/g, "")
      .toLowerCase()
      .replaceAll(/\s+/g, " ")
      .replace(/[\s^]+$/, "")
      .trim(),
  );
  return groups.find((group) => group !== "") ?? "";
}

const spellings: Partial<Record<string, string>> = { MALE: "M", FEMALE: "F", W: "F", OTHER: "O" };

/** What is meant by a sex, as the node takes it (storage/core/patient_sex.py). */
function sexOf(stated: string): string {
  const sex = stated.trim().toUpperCase();
  return spellings[sex] ?? sex;
}

/**
 * Whether two studies are of one person. An ID alone does not say so: sites give the same one to
 * different people. The birth dates decide; where one is missing, the names and sexes do.
 */
export function isSamePerson(one: Person, other: Person): boolean {
  if (one.patient_id === "" || one.patient_id !== other.patient_id) return false;
  const [born, otherBorn] = [dicomDate(one.patient_birth_date), dicomDate(other.patient_birth_date)];
  if (born && otherBorn) return born === otherBorn;
  const sexes = new Set([one, other].map((person) => sexOf(person.patient_sex)).filter((sex) => sex !== ""));
  return foldedName(one.patient_name) === foldedName(other.patient_name) && sexes.size < 2;
}

export type Relation = "earlier" | "later" | "sameDay" | "undated";

/** When another study was made, as seen from the one that is read. */
export function relationOf(other: Dated, study: Dated): Relation {
  const [then, now] = [dicomDate(other.study_date), dicomDate(study.study_date)];
  if (!then || !now) return "undated";
  if (then !== now) return then < now ? "earlier" : "later";
  const [at, nowAt] = [other.study_time ?? "", study.study_time ?? ""];
  if (!at || !nowAt || at === nowAt) return "sameDay";
  return at < nowAt ? "earlier" : "later";
}

/** What studies of one patient are put in order by. */
export function momentOf({ study_date, study_time }: Dated): string {
  return `${dicomDate(study_date)} ${study_time ?? ""}`;
}

/** Whether a study may be hung as a prior: of the same person, and made before. */
export function isPriorOf(other: Other, study: Other): boolean {
  return (
    other.study_instance_uid !== study.study_instance_uid &&
    isSamePerson(other, study) &&
    relationOf(other, study) === "earlier"
  );
}

const msPerDay = 86_400_000;
const daysPerMonth = 365.25 / 12;
/** From two months on distances are in months, from two years on in years. */
const fewestMonths = 2;
const fewestYears = 2;
const minus = "\u2212";

/** Seconds since midnight of a time that the node gives as HH:MM:SS. */
function secondsOf(time: string | null): number {
  const [hours = NaN, minutes = NaN, seconds = 0] = (time ?? "").split(":").map(Number);
  return 3600 * hours + 60 * minutes + seconds;
}

/** Of two studies of one day: hours, or minutes where they are no hour apart. */
function withinDayText(other: Dated, study: Dated): string {
  const t = text().viewing.distances;
  const minutes = Math.ceil(Math.abs(secondsOf(other.study_time) - secondsOf(study.study_time)) / 60);
  return minutes >= 60 ? t.hours(Math.round(minutes / 60)) : t.minutes(minutes);
}

/** How far apart in time, signed: "−2 y", "+3 mo", "−5 h"; empty where a date is missing. */
export function distanceText(other: Dated, study: Dated): string {
  const [then, now] = [other, study].map(({ study_date }) => Date.parse(dicomDate(study_date)));
  if (then === undefined || now === undefined || Number.isNaN(then) || Number.isNaN(now)) return "";
  const days = Math.round(Math.abs(then - now) / msPerDay);
  const months = Math.round(days / daysPerMonth);
  const years = Math.round(months / 12);
  const t = text().viewing.distances;
  const isWithinDay = days === 0 && relationOf(other, study) !== "sameDay";
  const whole = months >= 12 * fewestYears ? t.years(years) : months >= fewestMonths ? t.months(months) : t.days(days);
  const amount = isWithinDay ? withinDayText(other, study) : whole;
  return `${relationOf(other, study) === "earlier" ? minus : "+"}${amount}`;
}

/** Beside the date of another study: "−2 y", "later, +2 y", "same day". */
export function relationText(other: Dated, study: Dated): string {
  const t = text().viewing;
  const relation = relationOf(other, study);
  const distance = distanceText(other, study);
  if (relation === "earlier") return distance;
  return relation === "later" ? t.laterBy(distance) : t.relations[relation];
}

/** Over an image of another study: "Earlier study, −2 y". */
export function markText(other: Dated, study: Dated): string {
  const t = text().viewing;
  const relation = relationOf(other, study);
  const distance = relation === "earlier" || relation === "later" ? `, ${distanceText(other, study)}` : "";
  return `${t.relationMarks[relation]}${distance}`;
}

/** Nearest in time first; studies without a date come last. */
function nearestFirst<T extends Dated>(others: readonly T[], study: Dated): T[] {
  const now = Date.parse(dicomDate(study.study_date));
  const distance = ({ study_date }: Dated) => {
    const apart = Math.abs(Date.parse(dicomDate(study_date)) - now);
    return Number.isNaN(apart) ? Number.MAX_SAFE_INTEGER : apart;
  };
  return [...others].sort((a, b) => distance(a) - distance(b));
}

/** The share of places that later studies cannot take from priors. */
const shareOfPriors = 0.75;

/** Up to `most` of a patient's other studies, those that are nearest in time: mostly priors. */
export function nearestOthers<T extends Dated>(others: readonly T[], study: Dated, most: number): T[] {
  const isEarlier = (one: T) => relationOf(one, study) === "earlier";
  const earlier = nearestFirst(others.filter(isEarlier), study);
  const rest = nearestFirst(others.filter((one) => !isEarlier(one)), study);
  const priors = earlier.slice(0, Math.max(Math.ceil(most * shareOfPriors), most - rest.length));
  return [...priors, ...rest.slice(0, most - priors.length)];
}
