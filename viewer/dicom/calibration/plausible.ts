type Limits = readonly [number, number];

// In mm, as inference/calibration/plausible.py has them.
const projection: Limits = [0.005, 5];
const microscope: Limits = [1e-5, 5];
const tomographyOfTheEye: Limits = [1e-4, 1];
const others: Limits = [1e-3, 30];

const byModality = new Map<string, Limits>([
  ...["CR", "DX", "MG", "IO", "PX", "XA", "RF", "RG", "RTIMAGE", "BI"].map((one) => [one, projection] as const),
  ...["SM", "GM"].map((one) => [one, microscope] as const),
  ...["OPT", "OCT", "IVOCT", "OPTENF", "OP", "OPTBSV"].map((one) => [one, tomographyOfTheEye] as const),
]);

/** Whether pixels of an image of that modality can be so far apart, in both directions. */
export function isPlausible(modality: string, spacingMm: readonly number[]): boolean {
  const [smallest, greatest] = byModality.get(modality.trim().toUpperCase()) ?? others;
  return spacingMm.every((one) => smallest <= one && one <= greatest);
}
