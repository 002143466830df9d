/** Uptake in PET: SUVpeak and metabolic volumes. */
export const uptake = {
  title: "Uptake",
  hint: "Draw a circle around a lesion on this PET: it stands for a sphere, of which SUVpeak and the metabolic volume are calculated.",
  threshold: "Counts from",
  thresholds: { share41: "41 % of SUVmax", suv4: "SUV 4.0", suv25: "SUV 2.5" },
  region: "Sphere",
  regionNumber: (n: number) => `Sphere ${n}`,
  max: "SUVmax",
  peak: "SUVpeak",
  volume: "ml",
  tlg: "TLG",
  total: "TMTV",
  totalHint: "Total metabolic tumour volume: voxels that lie in several spheres count once",
  noPeak: "A sphere of 1 ml does not fit into the images here.",
  nothing: "no value",
  method:
    "SUVbw. SUVpeak: highest mean of a sphere of 1 ml whose centre is a voxel that counts. Volumes: voxels of the sphere at or above the threshold, coloured over the images; organs with uptake within a sphere count, too.",
};
