/** Lean body mass by the formulas that SUL is calculated with. */
import { numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = { sex: "00100040", heightM: "00101020", weightKg: "00101030" } as const;

/** Janmahasatian et al., Clin Pharmacokinet 2005; James 1976, as in early SUL, which falls again in heavy patients. */
export type LeanFormula = "janmahasatian" | "james";

/** Why there is no lean body mass. */
export type LeanGap = "sex" | "height" | "weight" | "adult" | "formula";

/** Adults: the formulas were made of them. */
const plausibleM = { least: 1.2, most: 2.3 } as const;
const plausibleKg = { least: 30, most: 350 } as const;

export interface Body {
  sex: "M" | "F";
  heightM: number;
  weightKg: number;
}

/** Sex, height and weight of a header; or what of them it lacks, or states as no adult has it. */
export function bodyOf(dataset: DicomJson): Body | LeanGap {
  const sex = stringOf(dataset, tag.sex).trim();
  const [heightM] = numbersOf(dataset, tag.heightM);
  const [weightKg] = numbersOf(dataset, tag.weightKg);
  if (sex !== "M" && sex !== "F") return "sex";
  if (!heightM) return "height";
  if (!weightKg) return "weight";
  const isAdult =
    heightM >= plausibleM.least && heightM <= plausibleM.most && weightKg >= plausibleKg.least && weightKg <= plausibleKg.most;
  return isAdult ? { sex, heightM, weightKg } : "adult";
}

/** In kg; "formula" where James's is past its highest value, and would make a heavier patient leaner. */
export function leanBodyMassKg({ sex, heightM, weightKg }: Body, formula: LeanFormula): number | LeanGap {
  if (formula === "janmahasatian") {
    const bmi = weightKg / heightM ** 2;
    return sex === "M" ? (9270 * weightKg) / (6680 + 216 * bmi) : (9270 * weightKg) / (8780 + 244 * bmi);
  }
  const [slope, bend] = sex === "M" ? [1.1, 128] : [1.07, 148];
  const share = weightKg / (heightM * 100);
  // Its slope in weight: slope - 2 · bend · W / H².
  if (slope - (2 * bend * share) / (heightM * 100) <= 0) return "formula";
  return slope * weightKg - bend * share ** 2;
}

/** What SUVbw is multiplied by to give SUL; or why there is none. */
export function leanFactorOf(dataset: DicomJson, formula: LeanFormula): number | LeanGap {
  const body = bodyOf(dataset);
  if (typeof body === "string") return body;
  const leanKg = leanBodyMassKg(body, formula);
  return typeof leanKg === "string" ? leanKg : leanKg / body.weightKg;
}
