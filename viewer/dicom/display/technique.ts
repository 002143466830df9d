import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { decimal, fixed } from "@/shared/lib/format";
import { text } from "@/shared/i18n";

function value(dataset: DicomJson, tag: string): number | undefined {
  return numbersOf(dataset, tag)[0];
}

function stated(name: string, number: number | undefined, unit: string): string[] {
  return number === undefined ? [] : [`${name} ${decimal(Number(number.toPrecision(4)))} ${unit}`.trim()];
}

/**
 * From where a C-arm looks (PS3.3 C.8.7.5): towards the patient's left is LAO, towards the head CRA. An angle of zero
 * has no side.
 */
export function projectionAngles(dataset: DicomJson): string {
  const side = (angle: number | undefined, positive: string, negative: string) =>
    angle === undefined ? [] : [`${angle > 0 ? `${positive} ` : angle < 0 ? `${negative} ` : ""}${fixed(Math.abs(angle), 0)}°`];
  return [...side(value(dataset, "00181510"), "LAO", "RAO"), ...side(value(dataset, "00181511"), "CRA", "CAU")].join(" ");
}

/** How the image was taken, in the few numbers that are read beside it; as the header states them. */
export function techniqueOf(dataset: DicomJson): string[] {
  const modality = stringOf(dataset, "00080060");
  const { technique: t } = text().viewing;
  const slice = stated(t.thickness, value(dataset, "00180050"), "mm");
  switch (modality) {
    case "CT":
      return [...stated("", value(dataset, "00180060"), "kV"), ...slice, stringOf(dataset, "00181210")].map(trimmed).filter(Boolean);
    case "MR":
      return [...stated("TR", value(dataset, "00180080"), "ms"), ...stated("TE", value(dataset, "00180081"), "ms"), ...slice];
    case "XA":
    case "RF":
      return [projectionAngles(dataset), ...stated("", value(dataset, "00180060"), "kV")].map(trimmed).filter(Boolean);
    case "MG":
      return [
        ...stated("", value(dataset, "00180060"), "kV"),
        ...stated(t.compressed, value(dataset, "001811A0"), "mm"),
        ...(itemsOf(dataset, "00540220").some((view) => itemsOf(view, "00540222").length > 0) ? [t.modifiedView] : []),
      ].map(trimmed);
    case "CR":
    case "DX":
      return stated("", value(dataset, "00180060"), "kV").map(trimmed);
    default:
      return [];
  }
}

function trimmed(words: string): string {
  return words.trim();
}
