import { messagesOf } from "@/shared/i18n";
import { localeOf, nodeLanguages, type Language } from "@/shared/i18n/language";
import { unitSymbol } from "@/shared/lib/format";
import { decimalsOf, lengthCaveatText, valueCaveatText, type Measurement, type Quantity } from "@/dicom/measurements/measurement";

/** Where a measurement lies, as a reader finds it again. */
export interface MeasuredPlace {
  seriesNumber: number | null;
  /** Instance Number, by which every other viewer finds it; null while its header is not read, and of images without one. */
  imageNumber: number | null;
  /** Of an image of several frames, from 1; null of others. */
  frameNumber: number | null;
}

const symbols: Record<string, string> = { deg: "°", "{pixels}": "px", "{pixels}2": "px²", "g/ml{SUVbw}": "SUV" };

function quantityText({ quantity, value, unit, of = "" }: Quantity, language: Language): string {
  const digits = decimalsOf(value, unit);
  const number = value.toLocaleString(localeOf(language), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  });
  const symbol = symbols[unit] ?? unitSymbol(unit, language);
  const names: Partial<Record<string, string>> = messagesOf(language).viewing.quantities;
  return [of, names[quantity] ?? "", `${number}${symbol === "°" ? "" : " "}${symbol}`.trim()].filter(Boolean).join(" ");
}

/**
 * A measurement as a sentence of the report, in the report's language: "Nodule: 12.3 mm (series 3,
 * image 21)." How far it can be trusted stands within, so that nobody takes over one without the other.
 */
export function measurementSentence(one: Measurement, place: MeasuredPlace, reportLanguage: string): string {
  return `${statementOf(one, place, languageOf(reportLanguage))}.`;
}

/** "Ratio 0.46: Heart: 132 mm (series 1, image 1) to Thorax: 290 mm (series 1, image 1)." */
export function ratioSentence(
  above: readonly [Measurement, MeasuredPlace],
  below: readonly [Measurement, MeasuredPlace],
  ratio: number,
  reportLanguage: string,
): string {
  const language = languageOf(reportLanguage);
  const { viewing } = messagesOf(language);
  const shown = ratio.toLocaleString(localeOf(language), { minimumFractionDigits: 2, maximumFractionDigits: 2, useGrouping: false });
  return `${viewing.ratio.sentence(shown, statementOf(...above, language), statementOf(...below, language))}.`;
}

function languageOf(reportLanguage: string): Language {
  return nodeLanguages.find((known) => known === reportLanguage) ?? "en";
}

/** An abbreviation such as SUV keeps its capitals. */
function withinSentence(text: string): string {
  return text.replace(/^\p{Lu}(?!\p{Lu})/u, (first) => first.toLowerCase());
}

function statementOf(one: Measurement, place: MeasuredPlace, language: Language): string {
  const { viewing } = messagesOf(language);
  const values = one.measured.map((quantity) => quantityText(quantity, language)).join(", ");
  const name = one.label.trim() || viewing.kinds[one.kind];
  const parts = [
    place.seriesNumber === null ? "" : viewing.seriesNumbered(place.seriesNumber),
    place.imageNumber === null ? "" : viewing.imageNumbered(place.imageNumber),
    place.frameNumber === null ? "" : viewing.frameNumbered(place.frameNumber),
  ].filter(Boolean);
  const caveats = [lengthCaveatText(one, language), valueCaveatText(one, language)].map(withinSentence);
  const saved = one.savedAs.map((quantity) => quantityText(quantity, language)).join(", ");
  const maker = one.madeBy ? viewing.ofOthers.measuredBy(one.madeBy.maker) : "";
  const notes = [parts.join(", "), maker, saved && viewing.savedAs(saved), ...caveats].filter(Boolean);
  const where = notes.length > 0 ? ` (${notes.join("; ")})` : "";
  return `${name}${values && `: ${values}`}${where}`;
}
