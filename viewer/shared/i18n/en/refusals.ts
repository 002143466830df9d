/** Why something is not shown, not done or not answered. */
export const refusals = {
  images: {
    ofSome: "Only some images of the series are shown here. Open the whole series from the list.",
    none: "The series contains no images.",
    tooManyFrames: (images: number, most: string) =>
      `${images === 1 ? "One image states" : `${images} images state`} more than ${most} frames and ${images === 1 ? "is" : "are"} not shown.`,
    noOrientation: (frames: boolean) => `Some ${frames ? "frames" : "images"} have no orientation`,
    noPosition: (frames: boolean) => `Some ${frames ? "frames" : "images"} have no position`,
    notParallel: (frames: boolean) => `The ${frames ? "frames" : "images"} do not lie in parallel planes`,
    byNumber: (cause: string) => `${cause}: ordered by instance number.`,
    noVolume: (cause: string) => `${cause}, so they do not form a volume.`,
    tooFew: "A volume needs at least 3 slices.",
    noSpacing: "Pixel Spacing is missing, so the slices have no size in space.",
    matrix: "The slices differ in matrix size.",
    samePlace: "Several slices lie at the same position.",
    gap: (first: number, gap: string, usual: string) =>
      `Slices ${first} and ${first + 1} are ${gap} mm apart; the rest are ${usual} mm. Ask for a resend.`,
    holes: (first: number, gap: string, usual: string, more: number) =>
      `Images may be missing: ${first} and ${first + 1} are ${gap} mm apart, most others ${usual} mm${more === 0 ? "" : more === 1 ? "; likewise at 1 more place" : `; likewise at ${more} more places`}.`,
    spacings: (one: string, other: string) =>
      `The pixels of some slices measure ${one} mm, those of others ${other} mm. Ask for images of one size as a series of their own.`,
    frames: (count: number) => `The slices state ${count} frames of reference, so their positions cannot be compared.`,
    turned: "Some slices are turned within their plane: their rows run another way than those of the others. Ask for them as a series of their own.",
    sheared: (mm: string) =>
      `The slices are shifted against each other by up to ${mm} mm, as a tilted gantry leaves them: planes through them would show places and lengths wrong. Look at the stack, or ask for a straight reconstruction.`,
    black: "Some images of the series could not be drawn and are black in these planes. Look at the stack (m).",
    fewValues: (found: number, expected: number) => `its pixel data decode to ${found} values instead of ${expected}`,
    otherBits: (bitsStored: number, highBit: number) =>
      `its values have ${bitsStored} bits up to bit ${highBit}, and other bits are set beside them`,
  },
  presentation: {
    unnamed: "Presentation state",
    noLut: "The state's presentation LUT is not applied",
    noBitmapShutter: "The state's shutter is a bitmap, which is not laid over: what it is to hide is shown",
    noSubtraction: "The state subtracts a mask; the images are shown without that",
    noTrueSize: "The state asks for true size; shown as large as fits",
  },
  mask: {
    wholeSlide: "segmentations of whole slides are not drawn here. Download it under “Results and documents”.",
    unknownForm: "it is built in a way that this viewer does not know. Download it under “Results and documents”.",
    grid: {
      geometry: "it does not say how its planes lie in the patient. Download it under “Results and documents”, or ask for a new export.",
      directions: "its planes lie in several directions. Download it under “Results and documents”.",
      pixels: "its pixels are stored in a form that this viewer does not know. Download it under “Results and documents”.",
      too_large: "it has more than 400 million pixels and another grid than the images, too many to bring onto them here. Download it under “Results and documents”.",
    },
    otherFrame: "it has another frame of reference than the images, so where it lies on them is not known. Download it under “Results and documents”, or ask for one made on this series.",
    notItsOwnGrid: "This mask was brought onto these images and cannot be edited here. Ask for one made on this series.",
    noLabelMap: "The mask has no label map on this series.",
    overlapping: "The segments of this mask overlap. They cannot be edited here.",
  },
  node: {
    status: (status: number) => `The node responded with status ${status}.`,
    silent: "The node is not responding.",
    noConnection: "The connection to the node failed.",
    isItRunning: "Check that the node is running (mediview doctor), then try again.",
    noPart: "The node's multipart answer has no part.",
    cutShort: "The node's multipart answer was cut short.",
    viewerFailed: "An error occurred in the viewer.",
  },
};
