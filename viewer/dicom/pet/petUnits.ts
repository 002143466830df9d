import { stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = { units: "00541001", suvType: "00541006" } as const;

/** What Units of a PET image say (PS3.3 C.8.9.1.1.3), as UCUM codes (PS3.16 CID 84). */
const ucumOfUnits: Partial<Record<string, string>> = {
  CNTS: "{counts}",
  CM2: "cm2",
  CM2ML: "cm2/ml",
  PCNT: "%",
  CPS: "{counts}/s",
  BQML: "Bq/ml",
  MGMINML: "mg/min/ml",
  UMOLMINML: "umol/min/ml",
  MLMING: "ml/min/g",
  MLG: "ml/g",
  "1CM": "/cm",
  UMOLML: "umol/ml",
  PROPCNTS: "{propcounts}",
  PROPCPS: "{propcounts}/s",
  MLMINML: "ml/min/ml",
  MLML: "ml/ml",
  GML: "g/ml",
  STDDEV: "{stddev}",
};

/** By SUV Type (PS3.3 C.8.9.1.1.10); those of lean mass by two other formulas have codes too long for a Code Value. */
const ucumOfSuv: Partial<Record<string, string>> = {
  "GML BW": "g/ml{SUVbw}",
  "GML LBM": "g/ml{SUVlbm}",
  "GML IBW": "g/ml{SUVibw}",
  "CM2ML BSA": "cm2/ml{SUVbsa}",
};

/** The UCUM unit of the values of a PET image; "1" where it states none. */
export function petUnitOf(dataset: DicomJson): string {
  const units = stringOf(dataset, tag.units).trim();
  const suvType = stringOf(dataset, tag.suvType).trim();
  return ucumOfSuv[`${units} ${suvType}`] ?? ucumOfUnits[units] ?? "1";
}
