/** Radiotherapy doses over the images, and their dose–volume histograms. */
export const doses = {
  title: "Dose",
  none: "No dose over the images",
  unnamed: (n: number) => `Dose ${n}`,
  wash: "Colour wash",
  lines: "Isodose lines",
  opacity: "Opacity of the colour wash",
  reference: "100 % is",
  byPlan: (targets: number) => (targets > 1 ? `The highest of the plan's prescriptions to ${targets} targets.` : "The plan's prescription to its target."),
  byMost: "The maximum of the grid; no prescription is taken.",
  byReader: "Set by you.",
  most: (dose: string) => `Maximum ${dose}.`,
  notInVolume: "The dose is not drawn in the volume.",
  notInSlabs: "In three planes the dose is drawn on slices, not through slabs.",
  otherFrame: "This series has another frame of reference than the dose, which is not drawn over it.",
  histogram: "Dose–volume histogram",
  noStructures: "No structure set in this study.",
  dose: "Dose",
  prescription: (targets: number) => (targets > 1 ? `The highest of the plan's prescriptions to ${targets} targets` : "The plan's prescription to its target"),
  structure: "Structure",
  volume: "ml",
  columns: (unit: string) => ["Min", "Mean", "Max", "D98%", "D95%", "D50%", "D2%"].map((name) => (unit ? `${name} ${unit}` : name)),
  outside: (percent: string) => `${percent} % outside the grid, not counted`,
  wideGap: (mm: string) => `contours up to ${mm} mm apart, filled from both sides`,
  parted: (mm: string) => `counted as parts, ${mm} mm apart`,
  method:
    "Calculated here from the contours and the dose grid: each contour stands for the slab half-way to its neighbours, contours within another are holes, doses are interpolated linearly. Planning systems differ by some per cent in small structures.",
  stored: "as stored",
  storedHint: "As its planning system calculated it and stored it in the dose; drawn dashed.",
  storedMethod: "Dashed curves and the lines “as stored” are those of the dose’s own file, and not calculated here.",
  storedOther: (n: number) =>
    n === 1
      ? "One more histogram in the file is not drawn: it is of several structures, of another structure set or kind of dose, or states too little."
      : `${n} more histograms in the file are not drawn: they are of several structures, of another structure set or kind of dose, or state too little.`,
  sumOf: (n: number) => `Sum of ${n} doses`,
  addUp: "Add doses up",
  kindNames: { physical: "physical", effective: "effective", relative: "relative", unstated: "of unstated kind" },
  sumIs: (doses: readonly string[], kind: string, unit: string) => `Sum of ${doses.join(" + ")}: ${kind} doses, ${unit}.`,
  sumMethod:
    "Added voxel by voxel on the finest of the grids, the others interpolated linearly. Where one of them does not reach, no sum is drawn or counted.",
  sumCaveat:
    "Fractionation is not weighted, and one frame of reference does not prove that organs lay in the same place at each treatment.",
  sumObstacles: {
    frame: "These doses are not added: they lie in different frames of reference, or name none.",
    kind: "These doses are not added: physical and effective doses are not one quantity.",
    relative: "These doses are not added: relative doses have no unit.",
    unstated: "These doses are not added: one does not say whether it is physical or effective (Dose Type).",
    counted_twice:
      "These doses are not added: two are of one plan, and not both of single beams (Dose Summation Type), so that what they share would count twice.",
  },
  notForPlanning: "For orientation only, not for treatment decisions.",
  kinds: {
    effective:
      "Effective dose, weighted by its biological effect (Dose Type EFFECTIVE): not to be compared or added with physical doses. The plan's prescription, which does not say whether it is weighted, is not taken for 100 %.",
    relative: "Relative dose (Dose Units RELATIVE): shares of a dose that the file does not name, without a unit. The plan's prescription does not apply.",
    unstated: "This dose does not say whether it is physical or effective (Dose Type): do not compare it with others. The plan's prescription is not taken for 100 %.",
  },
  obstacles: {
    no_grid: "This dose has no grid of doses (points or histograms only). Download it to open it in a planning program.",
    geometry: "This dose does not say how its grid lies in the patient (position, orientation or spacing is missing). Ask for a new export.",
    offsets: "The positions of the planes (Grid Frame Offset Vector) do not fit the images of this dose. Ask for a new export.",
    scaling: "This dose has no Dose Grid Scaling: its values cannot be given in Gy. Ask for a new export.",
    pixels: "The values of this dose are stored in a form that is not supported (16 or 32 bits, one value a pixel).",
    units: "This dose states neither Gy nor relative doses (Dose Units), so it is not drawn.",
    error: "This object holds the error of a dose, not a dose (Dose Type ERROR).",
    too_large: "This dose has more than 40 million values and is not loaded. Export it with a coarser grid.",
  },
  histogramObstacles: {
    no_contours: "no closed contours",
    one_plane: "contours in a single plane: no volume",
    not_parallel: "contours not in parallel planes",
    other_frame: "another frame of reference than the dose",
    outside: "outside the dose grid",
  },
};
