/** Uptake in PET: SUVpeak and metabolic volumes. */
export const uptake = {
  title: "Uptake",
  hint: "Draw a circle around a lesion on this PET: it stands for a sphere, of which SUVpeak and the metabolic volume are calculated.",
  threshold: "Counts from",
  thresholds: { share41: "41 % of SUVmax", suv4: "SUV 4.0", suv25: "SUV 2.5" },
  region: "Sphere",
  regionNumber: (n: number) => `Sphere ${n}`,
  heads: { weight: ["SUVmax", "SUVpeak"], lean: ["SULmax", "SULpeak"] },
  normalisedBy: "By",
  normalisations: { bw: "body weight (SUVbw)", janmahasatian: "lean mass (SUL, Janmahasatian)", james: "lean mass (SUL, James)" },
  leanGaps: {
    sex: "No SUL: the header states neither M nor F as Patient's Sex, and the formulas are of one or the other.",
    height: "No SUL: the header states no height (Patient's Size).",
    weight: "No SUL: the header states no weight.",
    adult: "No SUL: height or weight of the header is not that of an adult (1.2 to 2.3 m, 30 to 350 kg). Check its units.",
    formula: "No SUL: the formula of James does not hold for this weight and height. Use the one of Janmahasatian.",
  },
  volume: "ml",
  tlg: "TLG",
  total: "TMTV",
  totalHint: "Total metabolic tumour volume: voxels that lie in several spheres count once",
  noPeak: "A sphere of 1 ml does not fit into the images here.",
  nothing: "no value",
  byWeight: "SUVbw.",
  leanMethods: {
    janmahasatian: "SUL: SUVbw times lean mass by weight; lean mass by Janmahasatian (2005), 9270 W / (6680 + 216 BMI) of men, 9270 W / (8780 + 244 BMI) of women. Fixed thresholds stay in SUVbw.",
    james: "SUL: SUVbw times lean mass by weight; lean mass by James (1976), 1.10 W − 128 (W / H)² of men, 1.07 W − 148 (W / H)² of women, H in cm. Fixed thresholds stay in SUVbw.",
  },
  method:
    "Peak: highest mean of a sphere of 1 ml whose centre is a voxel that counts. Volumes: voxels of the sphere at or above the threshold, coloured over the images; organs with uptake within a sphere count, too.",
};
