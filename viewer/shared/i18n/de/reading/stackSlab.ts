import type { stackSlab as english } from "@/shared/i18n/en/reading/stackSlab";

export const stackSlab: typeof english = {
  hint: "Schichten der Tomosynthese, oder Mittel oder Maximum mehrerer als ein Schichtpaket (M)",
  thinner: "Schichtpaket um eine Schicht dünner (−)",
  thicker: "Schichtpaket um eine Schicht dicker (+)",
  slices: (count) => `${count} Schichten`,
  drawn: (projection, mm, slices) => `${projection} ${mm} mm (${slices})`,
  place: (mm, allMm) => `${mm} von ${allMm} mm`,
};
