import { stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = { studyDate: "00080020", birthDate: "00100030", age: "00101010" } as const;

const daysPerYear = 365.25;
const daysOf: Partial<Record<string, number>> = { D: 1, W: 7, M: 30.4375, Y: daysPerYear };
/** Patient's Age may be that of the day when the study was planned, or rounded. */
const mayDifferYears = 1;
/** Nobody has lived longer, as far as is proven. */
const oldestYears = 122.5;
/** What software writes in place of a date of birth that is not known. */
const nobodys = Date.UTC(1900, 0, 1);
const millisecondsPerDay = 86_400_000;

/** Two ages of one patient, in years: by the date of birth, and as the header states it; or a birth after the study. */
export type AgeConflict = { kind: "ages"; byBirthDate: number; stated: number } | { kind: "born_after_study" };

/** Where birth date, study date and Patient's Age of a header contradict each other, as `inference/normal_ranges/stated_age.py` judges. */
export function ageConflictOf(dataset: DicomJson): AgeConflict | null {
  const [born, at] = [dayOf(stringOf(dataset, tag.birthDate)), dayOf(stringOf(dataset, tag.studyDate))];
  if (born === null || at === null || born === nobodys) return null;
  if (at < born) return { kind: "born_after_study" };
  const [, count, unit = ""] = /^(\d{1,3})([DWMY])$/.exec(stringOf(dataset, tag.age).trim().toUpperCase()) ?? [];
  const unitYears = (daysOf[unit] ?? 0) / daysPerYear;
  const age = (at - born) / millisecondsPerDay / daysPerYear;
  if (count === undefined || age > oldestYears) return null;
  const stated = Number(count) * unitYears;
  // It counts completed years, months, weeks or days.
  const apart = Math.max(stated - age, age - (stated + unitYears));
  return apart > mayDifferYears ? { kind: "ages", byBirthDate: age, stated } : null;
}

function dayOf(date: string): number | null {
  const [, year, , month, day] = /^(\d{4})(\.?)(\d{2})\2(\d{2})$/.exec(date.trim()) ?? [];
  if (year === undefined) return null;
  const found = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // Of 31 February the calendar would make a day in March.
  return found.getUTCMonth() === Number(month) - 1 ? found.getTime() : null;
}
