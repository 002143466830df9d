import { text } from "@/shared/i18n";
import { currentLanguage, locale, localDate, localeOf, type Language } from "@/shared/i18n/language";

/** "Family^Given^Middle^Prefix^Suffix" (PS3.5 6.2.1) as a person writes it: "Family, Given Middle". */
export function personName(value: string): string {
  const groups = value
    .split("=")
    .map(nameGroup)
    .filter((group) => group !== "");
  const [first, ...others] = groups;
  if (first === undefined) return text().common.noName;
  return others.length > 0 ? `${first} (${others.join(", ")})` : first;
}

function nameGroup(group: string): string {
  const [family = "", given = "", middle = "", prefix = "", suffix = ""] = group
    .split("^")
    .map((part) => part.trim());
  const after = [prefix, given, middle, suffix].filter(Boolean).join(" ");
  return [family, after].filter(Boolean).join(", ");
}

/** A date as DICOM ("20240131") or the API ("2024-01-31") writes it, as 2024-01-31; "" when unknown. */
export function dicomDate(value: string | null | undefined): string {
  const match = /^(\d{4})-?(\d{2})-?(\d{2})/.exec(value ?? "");
  return match ? `${match[1]}-${match[2]}-${match[3]}` : "";
}

/** A date as people here write it: 2024-01-31 in English, which nobody misreads, 31.01.2024 in German. */
export function dateText(value: string | null | undefined): string {
  return localDate(dicomDate(value));
}

/** A time as DICOM ("142035.93") or the API ("14:20:35") writes it, as 14:20; "" when unknown. */
export function dicomTime(value: string | null | undefined): string {
  const match = /^(\d{2}):?(\d{2})/.exec(value ?? "");
  return match ? `${match[1]}:${match[2]}` : "";
}

/** A date with the time of day, where one is given. */
export function momentText(date: string | null | undefined, time: string | null | undefined): string {
  return [dateText(date), dicomTime(time)].filter((part) => part !== "").join(" ");
}

/** Of nobody: what software writes in place of a date of birth that is not known. */
const placeholders = ["1900-01-01"];
/** Nobody has lived longer, as far as is proven: a date of birth that gives more is none. */
const oldestYears = 122;

/**
 * Whole years between two dates, of small children months or days, or "" when a date is missing or
 * the date of birth stands for an unknown one.
 */
export function ageAt(birthDate: string | null, studyDate: string | null): string {
  if (placeholders.includes(dicomDate(birthDate))) return "";
  const born = dicomDate(birthDate).split("-").map(Number);
  const then = dicomDate(studyDate).split("-").map(Number);
  if (born.length !== 3 || then.length !== 3) return "";
  const [bornYear = 0, bornMonth = 0, bornDay = 0] = born;
  const [year = 0, month = 0, day = 0] = then;
  const beforeBirthday = month < bornMonth || (month === bornMonth && day < bornDay);
  const years = year - bornYear - (beforeBirthday ? 1 : 0);
  const words = text().common;
  if (years >= 2) return years <= oldestYears ? words.years(years) : "";
  const months = (year - bornYear) * 12 + month - bornMonth - (day < bornDay ? 1 : 0);
  if (months >= 2) return words.months(months);
  const days = Math.round((Date.UTC(year, month - 1, day) - Date.UTC(bornYear, bornMonth - 1, bornDay)) / 86_400_000);
  return days >= 0 ? words.days(days) : "";
}

const monthsPerYear = 12;
const daysPerYear = 365.25;

/** An age in completed years, of small children months or days. */
export function ageText(years: number): string {
  const words = text().common;
  if (years >= 2) return words.years(Math.floor(years));
  const months = Math.floor(years * monthsPerYear);
  return months >= 2 ? words.months(months) : words.days(Math.floor(years * daysPerYear));
}

/** Patient's Sex in the letter that people here write; what is not known stands as it came. */
export function sexLetter(value: string): string {
  const letters: Partial<Record<string, string>> = text().common.sexLetters;
  return letters[value] ?? value;
}

const formats = new Map<string, Intl.NumberFormat>();

/** Without thousands apart. Made once: `toLocaleString` makes one for every number, which a turning wheel feels. */
function formatOf(fewest: number, most: number): Intl.NumberFormat {
  const language = locale();
  const key = [language, fewest, most].join(" ");
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(language, {
    minimumFractionDigits: fewest,
    maximumFractionDigits: most,
    useGrouping: false,
  });
  formats.set(key, made);
  return made;
}

/** With so many decimals, and no thousands apart: for what is measured and read at a glance. */
export function fixed(value: number, digits: number): string {
  return formatOf(digits, digits).format(value);
}

/** As many decimals as it has. */
export function decimal(value: number): string {
  return formatOf(0, 20).format(value);
}

/** Rounded to be read at a glance: to two decimals, and of what is below one to three digits that count; what is left of sums that cancel out is 0. */
export function glance(value: number): number {
  const size = Math.abs(value);
  if (size < 1e-12) return 0;
  return Number(size >= 1 ? value.toFixed(2) : value.toPrecision(3));
}

/** A window, whole numbers where it is ten wide or more, else as finely as its width asks for: W 0.002 L 0.001. */
export function windowText({ width, center }: { width: number; center: number }): string {
  return `W ${asFineAs(width, width)} L ${asFineAs(center, width)}`;
}

/** A value at a window of that width: whole where it is ten wide or more. */
export function asFineAs(value: number, width: number): string {
  const size = Math.abs(width);
  const digits = size >= 10 || size === 0 ? 0 : Math.min(2 - Math.floor(Math.log10(size)), 20);
  // What rounds to -0 is 0.
  return decimal(Number(value.toFixed(digits)) + 0);
}

const byteUnits = ["B", "kB", "MB", "GB", "TB"];

export function bytes(value: number): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 1000 && unit < byteUnits.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : fixed(scaled, 1)} ${byteUnits[unit]}`;
}

/** A whole number with its thousands apart. */
export function number(value: number): string {
  return value.toLocaleString(locale());
}

export function count(value: number, singular: string, plural = `${singular}s`): string {
  return `${value.toLocaleString(locale())} ${value === 1 ? singular : plural}`;
}

/** A measured value with as many digits as its size deserves: 1,791.7 · 12.3 · 0.41. */
export function measurement(value: number): string {
  const magnitude = Math.abs(value);
  const digits = magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  return value.toLocaleString(locale(), {
    minimumFractionDigits: magnitude >= 10 ? 1 : 0,
    maximumFractionDigits: digits,
  });
}

const decimalsOfUnit: Record<string, number> = { L: 2, "[hnsf'U]": 0, mm: 1 };

/** A finding's value with as many decimals as in report, PDF and pictures (storage/core/text/rounding.py). */
export function findingValue(value: number, ucum: string, language: Language = currentLanguage()): string {
  const magnitude = Math.abs(value);
  const digits = decimalsOfUnit[ucum] ?? digitsOf(magnitude);
  return value.toLocaleString(localeOf(language), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** As `shown_decimals` of storage/core/text/rounding.py. */
function digitsOf(magnitude: number): number {
  if (magnitude >= 10 || magnitude === 0) return 1;
  if (magnitude >= 0.01) return magnitude >= 1 ? 2 : 3;
  return Math.min(2 - Math.floor(Math.log10(magnitude)), 12);
}

const unitSymbols: Record<string, string> = {
  cm3: "cm³",
  mm3: "mm³",
  mm2: "mm²",
  cm2: "cm²",
  "[hnsf'U]": "HU",
  "{pixels}2": "px²",
  "{counts}": "counts",
  "{counts}/s": "counts/s",
  "{propcounts}": "∝ counts",
  "{propcounts}/s": "∝ counts/s",
  "{stddev}": "SD",
  "g/ml{SUVlbm}": "SUL",
  "g/ml{SUVibw}": "SUVibw",
  "cm2/ml{SUVbsa}": "SUVbsa",
  "1": "",
};

/** As German reports of the node write them (inference/reports/locales/de.yaml). */
const germanSymbols: Record<string, string> = { "[hnsf'U]": "HE", L: "l", mL: "ml" };

/** A UCUM unit as a language prints it: cm3 → cm³, [hnsf'U] → HU. */
export function unitSymbol(ucum: string, language: Language = currentLanguage()): string {
  const known = (language === "de" ? germanSymbols[ucum] : undefined) ?? unitSymbols[ucum];
  return known ?? ucum.replaceAll(/(?<![A-Za-z])([cmu]?m)([23])(?!\w)/g, (_, length: string, power: string) =>
    `${length.replace("u", "µ")}${power === "2" ? "²" : "³"}`,
  );
}

/** A text of the node, which is English, with its UCUM units as they are printed: "-855.3 [hnsf'U]" → "-855.3 HU". */
export function withPrintedUnits(text: string): string {
  return text.replaceAll(/(\d\s?)(\[hnsf'U\]|cm3|mm3|cm2|mm2)(?!\w)/g, (_, before: string, ucum: string) =>
    `${before}${unitSymbol(ucum, "en")}`,
  );
}

/** A moment in local time; with the date unless it was today. */
export function moment(iso: string | null | undefined, now: Date = new Date()): string {
  if (!iso) return "";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const time = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === now.toDateString()) return time;
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  return `${dateText(date)} ${time}`;
}

/** "brain-volume" → "Brain volume". */
export function pipelineTitle(name: string): string {
  const words = name.replaceAll(/[-_]+/g, " ").trim();
  return words === "" ? name : words[0]?.toUpperCase() + words.slice(1);
}
