export const warnings = {
  lossy: (ratio: string) => (ratio ? `Lossy compression, ${ratio} : 1` : "Lossy compression"),
  halfLife: (nuclide: string, stated: string, published: string) =>
    `No SUV: the header states a half-life of ${stated} s, that of ${nuclide} is ${published} s`,
  noSuv: {
    units: "No SUV: the values are not in Bq/ml",
    suv_type: "No SUV by body weight: the values are another kind of SUV",
    no_radiopharmaceutical: "No SUV: the header does not state the radiopharmaceutical",
    several_radiopharmaceuticals: "No SUV: the header states several radiopharmaceuticals",
    weight: "No SUV: the patient's weight is missing or not plausible",
    attenuation: "No SUV: attenuation is not corrected",
    decay_correction: "No SUV: the header does not state to when decay is corrected",
    decay_contradicts: "No SUV: the header contradicts itself on whether decay is corrected",
    dose: "No SUV: the injected dose is missing or not plausible",
    dose_by_weight: "No SUV: the injected dose is not plausible for the patient's weight",
    half_life: "No SUV: the half-life is missing",
    start_day: "No SUV: the header states the time of injection without its day, and the radionuclide lasts for days",
    start_contradicts: "No SUV: two times of injection in the header contradict each other",
    times: "No SUV: the times of injection and acquisition are missing or contradict each other",
    made_later: "No SUV: the series is dated after its acquisition",
    decay: "No SUV: too many half-lives lie between injection and acquisition",
    mixed: "No SUV: the images of the series state different weights, doses, units, decay corrections or times",
  },
  suvDoubts: {
    decay_factor: "SUV in doubt: the decay factor in the header belongs to another time than the start of the series",
    real_world: "SUV in doubt: the header's own map to SUV gives another value",
  },
  noOrientation: "No orientation in the header",
  overlayInPixels: "An overlay in unused bits of the pixels is not drawn",
  ages: (byBirthDate: string, stated: string) =>
    `Birth date (${byBirthDate} at the study) and stated age (${stated}) contradict each other: check whose images these are`,
  bornAfterStudy: "The birth date lies after the date of the study: check whose images these are",
  sides: (series: string, image: string) => `The header names two sides: Laterality ${series}, Image Laterality ${image}`,
};

// They go on within a sentence in lower case: none begins with what is always a capital (in German, a noun).
export const caveats = {
  no_calibration: "No pixel spacing: lengths in pixels",
  invalid_spacing: "The pixel spacing in the header is not valid",
  implausible_spacing: "A pixel spacing in the header is not plausible",
  at_detector: "Calibrated at the detector, not corrected for magnification",
  estimated_magnification: "Corrected by the estimated magnification; true at that depth only",
  assumed_geometry: "Corrected for geometric magnification; true at the assumed depth only",
  fiducial: "Calibrated on an object of known size; true at its depth only",
  beam_center: "True in the centre of the beam, at the depth of the object only",
  correction_unstated: "Calibrated in a way that the header does not state",
  circle_of_pixels: "Read as a circle of pixels, an ellipse in mm, as the standard has it; its report states no size that would tell whether a circle in mm is meant",
  calibration_unstated: "The header does not state how the pixel spacing was calibrated",
  scanned_medium: "Lengths as on the scanned film or paper, not in the patient",
  localizer: "A localizer is a projection: lengths are true at the isocentre only",
  mosaic: "A mosaic shows many slices side by side: lengths are true within one slice only",
  regions_only: "Calibrated within the ultrasound regions only",
  by_hand: "Calibrated by hand, on an object of stated length; true at its depth only",
};

export const obstacles = {
  outside_regions: "Not measurable: it lies outside of the calibrated ultrasound regions",
  leaves_region: "Not measurable: it leaves the calibrated ultrasound region",
  crosses_regions: "Not measurable: it crosses from one ultrasound region into another",
  overlapping_regions: "Not measurable: ultrasound regions of different scale overlap there",
  region_beyond_image: "Not measurable: the image was cropped or resized after it was calibrated",
  region_without_units: "Not measurable: the ultrasound region has no usable units",
  region_implausible: "Not measurable: the pixel size of the ultrasound region is not plausible",
  shape_on_axes: "Not measurable: the directions of the ultrasound region are not both lengths",
  pixels_not_square: "Not measurable: the pixels are not square and of unknown size",
};
