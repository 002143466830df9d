import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  radiopharmaceutical: "00540016",
  radionuclide: "00540300",
  codeValue: "00080100",
  codeMeaning: "00080104",
  halfLifeS: "00181075",
} as const;

const minute = 60;
const hour = 3600;

/**
 * The usual radionuclides of PET with their codes (PS3.16 CID 4020: SNOMED CT, and SNOMED RT as in older
 * headers) and published half-lives (Decay Data Evaluation Project, Monographie BIPM-5).
 */
const radionuclides = [
  { name: "C-11", element: "carbon", codes: ["40565003", "C-105A1"], halfLifeS: 20.361 * minute },
  { name: "N-13", element: "nitrogen", codes: ["21576001", "C-107A1"], halfLifeS: 9.967 * minute },
  { name: "O-15", element: "oxygen", codes: ["129504001", "C-B1038"], halfLifeS: 2.041 * minute },
  { name: "F-18", element: "fluorine", codes: ["77004003", "C-111A1"], halfLifeS: 109.77 * minute },
  { name: "Cu-64", element: "copper", codes: ["3932008", "C-127A2"], halfLifeS: 12.701 * hour },
  { name: "Ga-68", element: "gallium", codes: ["35337001", "C-131A3"], halfLifeS: 67.83 * minute },
  { name: "Rb-82", element: "rubidium", codes: ["79197006", "C-159A2"], halfLifeS: 1.273 * minute },
  { name: "Zr-89", element: "zirconium", codes: ["63360001", "C-168A4"], halfLifeS: 78.42 * hour },
  { name: "Y-90", element: "yttrium", codes: ["14691008", "C-162A7"], halfLifeS: 64.04 * hour },
  { name: "I-124", element: "iodine", codes: ["40937006", "C-114A5"], halfLifeS: 100.22 * hour },
] as const;

const most = 0.05;
const isClose = (one: number, other: number): boolean => Math.abs(one - other) <= most * other;

/** A half-life that is not that of the radionuclide which the header names. */
export interface HalfLifeConflict {
  radionuclide: string;
  statedS: number;
  publishedS: number;
}

/**
 * How the stated half-life contradicts its radionuclide. Where the header names
 * none: that of which it would be the half-life in minutes or hours. Null where nothing contradicts.
 */
export function halfLifeConflictOf(dataset: DicomJson): HalfLifeConflict | null {
  const [drug] = itemsOf(dataset, tag.radiopharmaceutical);
  const [statedS] = drug ? numbersOf(drug, tag.halfLifeS) : [];
  if (!drug || !statedS) return null;
  const [code] = itemsOf(drug, tag.radionuclide);
  const named = code && radionuclides.find((one) => isNamed(one, code));
  const meant =
    named ??
    (code || radionuclides.some((one) => isClose(statedS, one.halfLifeS))
      ? undefined
      : radionuclides.find((one) => [minute, hour].some((unit) => isClose(statedS * unit, one.halfLifeS))));
  if (!meant || isClose(statedS, meant.halfLifeS)) return null;
  return { radionuclide: meant.name, statedS, publishedS: meant.halfLifeS };
}

/** By its code, or by what people write: "^18^Fluorine", "F-18", "18F". */
function isNamed({ name, element, codes }: (typeof radionuclides)[number], code: DicomJson): boolean {
  if ((codes as readonly string[]).includes(stringOf(code, tag.codeValue).trim())) return true;
  const [symbol = "", mass = ""] = name.toLowerCase().split("-");
  const words = stringOf(code, tag.codeMeaning).toLowerCase().replace(/[^a-z0-9]/g, "");
  return [symbol, element].some((one) => words === one + mass || words === mass + one);
}
