import { cellCount, type Arrangement, type Count, type SeriesRef } from "@/features/reader/lib/layout/layout";

export type Layout = "stack" | "planes" | "volume";

/** What a link to a study says of how it is shown. */
export interface ViewAddress {
  layout: Layout;
  arrangement: Arrangement | null;
  /** The image that is open in the active viewport: by its UID, for numbers change as images come. */
  image: { sopInstanceUid: string; frameNumber: number } | null;
}

const uidPattern = /^[0-9.]{1,64}$/;
/** With a detector, where what it took alone is shown. */
const imagePattern = /^[0-9.]{1,64}(:\d{1,2})?$/;
const layouts: readonly Layout[] = ["stack", "planes", "volume"];

function countOf(text: string | undefined): Count | null {
  return text === "1" || text === "2" || text === "3" ? (Number(text) as Count) : null;
}

/** More images of a series than these are not named one by one: the address shows all of it. */
const mostImages = 6;

/** Of another study than the one that is read: `study/series`; some images of it: `series~image~image`. */
function refOf(text: string, studyInstanceUid: string): SeriesRef | null {
  const [path = "", ...images] = text.split("~");
  const parts = path.split("/");
  if (!parts.every((part) => uidPattern.test(part)) || parts.length > 2) return null;
  if (!images.every((image) => imagePattern.test(image))) return null;
  const ref = {
    studyInstanceUid: parts.length === 2 ? (parts[0] ?? "") : studyInstanceUid,
    seriesInstanceUid: parts.at(-1) ?? "",
  };
  return images.length > 0 ? { ...ref, images } : ref;
}

function refText({ studyInstanceUid, seriesInstanceUid, images = [] }: SeriesRef, ofStudy: string): string {
  const path = studyInstanceUid === ofStudy ? seriesInstanceUid : `${studyInstanceUid}/${seriesInstanceUid}`;
  return images.length > mostImages ? path : [path, ...images].join("~");
}

/** Reads an address; what it does not understand is as it would be without it. */
export function readViewAddress(parameters: URLSearchParams, studyInstanceUid: string): ViewAddress {
  const [rows, columns] = (parameters.get("grid") ?? "").split("x").map(countOf);
  const cells = (parameters.get("series") ?? "").split(",").map((text) => refOf(text, studyInstanceUid));
  const active = Number(parameters.get("active") ?? 1) - 1;
  const arrangement: Arrangement | null =
    rows && columns && cells.some((cell) => cell !== null)
      ? {
          rows,
          columns,
          cells: cells.slice(0, rows * columns),
          active: Number.isInteger(active) && active >= 0 && active < rows * columns ? active : 0,
          linked: parameters.get("linked") === "1",
        }
      : null;
  const image = parameters.get("image") ?? "";
  const frameNumber = Number(parameters.get("frame") ?? 1);
  return {
    layout: layouts.find((one) => one === parameters.get("layout")) ?? "stack",
    arrangement,
    image: uidPattern.test(image)
      ? { sopInstanceUid: image, frameNumber: Number.isSafeInteger(frameNumber) && frameNumber > 0 ? frameNumber : 1 }
      : null,
  };
}

/** The address of a view, with nothing in it that is as it would be anyway. */
export function viewParameters({ layout, arrangement, image }: ViewAddress, studyInstanceUid: string): URLSearchParams {
  const parameters = new URLSearchParams({ study: studyInstanceUid });
  if (layout !== "stack") parameters.set("layout", layout);
  if (arrangement) {
    parameters.set("grid", `${arrangement.rows}x${arrangement.columns}`);
    const cells = arrangement.cells
      .slice(0, cellCount(arrangement))
      .map((cell) => (cell ? refText(cell, studyInstanceUid) : ""));
    parameters.set("series", cells.join(","));
    if (arrangement.active > 0) parameters.set("active", String(arrangement.active + 1));
    if (arrangement.linked) parameters.set("linked", "1");
  }
  if (image) {
    parameters.set("image", image.sopInstanceUid);
    if (image.frameNumber !== 1) parameters.set("frame", String(image.frameNumber));
  }
  return parameters;
}
