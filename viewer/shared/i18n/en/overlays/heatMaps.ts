/** Heat maps of models over their images. */
export const heatMaps = {
  of: (label: string, frame: number | null) => `Heat map: ${label}${frame === null ? "" : `, frame ${frame}`}`,
  opacity: "Opacity of the heat map",
  meaning: (label: string) => `How far the probability of “${label}” falls when this part is hidden. The outline is around parts that lower it by half of the most or more.`,
  byModel: (label: string, meaning: string) => `What the model gives for “${label}” itself: ${meaning} The outline is around parts with half of the most or more.`,
  caution: "It shows what the model relied on, not where a disease is.",
  nothing: (label: string) => `Hiding no part lowers the probability of “${label}”.`,
  points: (points: string) => `−${points} percentage points`,
  unverified: "AI, UNVERIFIED, research use only",
  mark: (label: string, pipeline: string, version: string) => `AI heat map, UNVERIFIED: ${label} · ${pipeline} ${version}`,
  onImage: (labels: string) => `heat map of ${labels}`,
  key: "Show and hide the heat map of the image",
};
