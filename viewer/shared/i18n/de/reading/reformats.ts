import type { reformats as english } from "@/shared/i18n/en/reading/reformats";

export const reformats: typeof english = {
  slab: "Schichtpaket",
  projection: "Projektion",
  projections: { slice: "Schichten", max: "Maximum (MIP)", min: "Minimum (MinIP)", mean: "Mittel" },
  projectedValues: { max: "max.", min: "min.", mean: "Mittel" },
  thickness: "Dicke in Millimetern",
  projectionHint: "Schichten, Maximum, Minimum oder Mittel eines Schichtpakets (M)",
  thicknessHint: "Dicke des Schichtpakets (+ und −)",
  turnPlanes: "Ebenen drehen",
  turnPlanesLeft: "Ebenen nach links drehen",
  turnPlanesRight: "Ebenen nach rechts drehen",
  turnPlanesLeftHint: "Die anderen Ebenen um 5° nach links drehen ( ( ); oder die Enden des Fadenkreuzes ziehen (c)",
  turnPlanesRightHint: "Die anderen Ebenen um 5° nach rechts drehen ( ) ); oder die Enden des Fadenkreuzes ziehen (c)",
  straighten: "Gerade",
  straightenHint: "Wieder axiale, sagittale und koronale Ebenen durch dieselbe Stelle",
  placeOfPlane: (letters, mm) => `${letters} ${mm} mm`,
  tilted: (degrees) => `um ${degrees}° gedreht`,
  slabOf: (projection, mm) => `${projection} ${mm} mm`,
  acrossImages: "quer zu den Bildern: nicht gespeichert",
};
