/** Which view of the body an image is: side, projection, and whether it is a special one. */
import { detectorsOf, detectorView } from "@/dicom/detectors";
import { groupedBy } from "@/shared/lib/groups";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  modality: "00080060",
  imagePosition: "00200032",
  sopInstanceUid: "00080018",
  rows: "00280010",
  frames: "00280008",
  viewPosition: "00185101",
  laterality: "00200060",
  imageLaterality: "00200062",
  sharedGroups: "52009229",
  frameAnatomy: "00209071",
  frameLaterality: "00209072",
  viewCodes: "00540220",
  viewModifiers: "00540222",
  codeValue: "00080100",
} as const;

export interface ImageView {
  sopInstanceUid: string;
  laterality: "R" | "L" | "";
  /** Defined term of View Position, such as "CC" (PS3.3 C.8.11.7.1.1); empty where none is stated. */
  view: string;
  /** Magnified, spot, rolled, implant displaced …: beside the usual views, not in their place. */
  isSpecial: boolean;
  /** A usual view, with the implant displaced. */
  isImplantDisplaced?: boolean;
  /** Of a tomosynthesis that is stored slice by slice, the slices of its side and view. */
  frameCount: number;
  /** Which detector of a gamma camera the frames meant are of; absent where all frames are meant. */
  detector?: number;
}

/** Implant Displaced (CID 4015 "View Modifier for Mammography"), by SNOMED CT and by the older SNOMED RT. */
const implantDisplaced = new Set(["399209000", "R-102D5"]);

/** Where the series is of one side and the image of the other: both of them; of both sides (B) either may be one. */
export function contradictingSides(dataset: DicomJson): [string, string] | null {
  const [series, image] = [tag.laterality, tag.imageLaterality].map((name) => stringOf(dataset, name).trim());
  const isSide = (side: string | undefined) => side === "R" || side === "L";
  return series && image && isSide(series) && isSide(image) && series !== image ? [series, image] : null;
}

/** CID 4014 "View for Mammography" as View Position says it, by SNOMED CT and by the older SNOMED RT. */
const viewOfCode: Record<string, string> = {
  "399162004": "CC",
  "R-10242": "CC",
  "399368009": "MLO",
  "R-10226": "MLO",
  "399260004": "ML",
  "R-10224": "ML",
  "399352003": "LM",
  "R-10228": "LM",
  "399099002": "LMO",
  "R-10230": "LMO",
  "399196006": "FB",
  "R-10244": "FB",
  "399188001": "SIO",
  "399192008": "XCCL",
  "R-1024A": "XCCL",
  "399101009": "XCCM",
  "R-1024B": "XCCM",
};

/** CID 4010 "DX View" as View Position says it (PS3.3 C.8.1.2 for CR), by SNOMED CT and by the older SNOMED RT. */
const projectionOfCode: Record<string, string> = {
  "399348003": "AP",
  "R-10206": "AP",
  "272479007": "PA",
  "R-10214": "PA",
  "R-40888": "PA",
  "399033003": "FRONTAL",
  "R-10202": "FRONTAL",
  "399173006": "LL",
  "R-10236": "LL",
  "399198007": "RL",
  "R-10232": "RL",
  "399067008": "LAT",
  "R-102CD": "LAT",
  "399135007": "LAO",
  "R-10220": "LAO",
  "399356000": "RAO",
  "R-40985": "RAO",
  "399006002": "LPO",
  "R-10212": "LPO",
  "399038007": "RPO",
  "R-10210": "RPO",
};

function sideOf(dataset: DicomJson): ImageView["laterality"] {
  // Of a whole image, or of one of its frames.
  const shared = itemsOf(dataset, tag.sharedGroups)[0] ?? {};
  const anatomy = itemsOf(dataset, tag.frameAnatomy)[0] ?? itemsOf(shared, tag.frameAnatomy)[0] ?? {};
  const stated = [
    stringOf(dataset, tag.imageLaterality),
    stringOf(anatomy, tag.frameLaterality),
    stringOf(dataset, tag.laterality),
  ].find((side) => side !== "");
  return stated === "R" || stated === "L" ? stated : "";
}

/** Side and projection as they stand beside a frame ("R CC", "L CC ID", "PA"); empty where neither is stated. */
export function viewText(dataset: DicomJson, frameNumber: number): string {
  const [image] = imageViews([dataset]);
  const view = detectorView(dataset, frameNumber) || image?.view;
  return [image?.laterality, view, image?.isImplantDisplaced && "ID"].filter(Boolean).join(" ");
}

/** The views of the images of a series; what has no pixels is none of them. */
export function imageViews(datasets: readonly DicomJson[]): ImageView[] {
  const images = imagesOf(datasets);
  const isSlice = new Set(datasets.filter(isMammographySlice).map((one) => stringOf(one, tag.sopInstanceUid)));
  const slices = images.filter(({ sopInstanceUid }) => isSlice.has(sopInstanceUid));
  const counts = groupedBy(slices, ({ laterality, view }) => `${laterality} ${view}`);
  return images.map((image) => {
    const count = isSlice.has(image.sopInstanceUid) ? counts.get(`${image.laterality} ${image.view}`)?.length : 1;
    return { ...image, frameCount: Math.max(image.frameCount, count ?? 1) };
  });
}

/** A projection of the breast has no place in the patient; a slice of a tomosynthesis has one. */
function isMammographySlice(dataset: DicomJson): boolean {
  return stringOf(dataset, tag.modality) === "MG" && numbersOf(dataset, tag.imagePosition).length === 3;
}

function imagesOf(datasets: readonly DicomJson[]): ImageView[] {
  return datasets
    .filter((dataset) => numbersOf(dataset, tag.rows).length > 0)
    .flatMap((dataset): ImageView[] => {
      const [code] = itemsOf(dataset, tag.viewCodes);
      const modifiers = code ? itemsOf(code, tag.viewModifiers).map((one) => stringOf(one, tag.codeValue).trim()) : [];
      const value = code ? stringOf(code, tag.codeValue) : "";
      const coded = viewOfCode[value] ?? projectionOfCode[value];
      const image = {
        sopInstanceUid: stringOf(dataset, tag.sopInstanceUid),
        laterality: sideOf(dataset),
        view: stringOf(dataset, tag.viewPosition) || (coded ?? ""),
        isSpecial: modifiers.length > 0,
        isImplantDisplaced: modifiers.length > 0 && modifiers.every((one) => implantDisplaced.has(one)),
        frameCount: numbersOf(dataset, tag.frames)[0] ?? 1,
      };
      const detectors = detectorsOf(dataset);
      if (detectors.length < 2) return [{ ...image, view: detectors[0]?.view || image.view }];
      return detectors.map(({ number, view }) => ({ ...image, view, detector: number }));
    });
}

const describedView = /(?:^|[^A-Z])(R|L)[\s_-]*(CC|MLO|ML|LM|XCCL|XCCM)(?![A-Z])/;

/** A series whose images state no view, by its description: "R CC", "LMLO". */
export function viewDescribed(description: string): Pick<ImageView, "laterality" | "view"> {
  const match = describedView.exec(description.toUpperCase());
  return { laterality: (match?.[1] ?? "") as ImageView["laterality"], view: match?.[2] ?? "" };
}
