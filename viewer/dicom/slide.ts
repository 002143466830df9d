/** Whole slides (PS3.3 A.32.8): one picture of a slide in tiles, at several magnifications. */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  sopInstanceUid: "00080018",
  imageType: "00080008",
  totalColumns: "00480006",
  totalRows: "00480007",
  imagedWidthMm: "00480001",
  rows: "00280010",
  columns: "00280011",
  frames: "00280008",
  organization: "00209311",
  opticalPaths: "00480302",
  focalPlanes: "00480303",
  shared: "52009229",
  perFrame: "52009230",
  pixelMeasures: "00289110",
  pixelSpacing: "00280030",
  slidePosition: "0048021A",
  columnPosition: "0048021E",
  rowPosition: "0048021F",
} as const;

/** One magnification: a matrix of pixels in tiles. */
export interface SlideLevel {
  sopInstanceUid: string;
  columns: number;
  rows: number;
  tileColumns: number;
  tileRows: number;
  /** Distance of its pixels; null where the header states none. */
  pixelMm: number | null;
  /** The frame of the tile in a column and a row of tiles, from 1; undefined where the slide was not scanned. */
  frameOf: (tileColumn: number, tileRow: number) => number | undefined;
}

export interface Slide {
  /** The finest first. */
  levels: SlideLevel[];
  /** SOP Instance UID of a picture of the whole slide; empty without one. */
  overviewUid: string;
  /** Images of the series that are neither: of another kind, or whose tiles cannot be placed. */
  leftOut: number;
  /** Focal planes or optical paths that are stored beside the first and not shown. */
  hasMore: boolean;
}

/** Reads the images of a series as one slide; null where none of them is in tiles that can be placed. */
export function slideOf(datasets: readonly DicomJson[]): Slide | null {
  const kindOf = (dataset: DicomJson) => (dataset[tag.imageType]?.Value ?? []).map(String);
  const volumes = datasets.filter((dataset) => kindOf(dataset)[2] === "VOLUME" || kindOf(dataset)[2] === "THUMBNAIL");
  const levels = volumes.flatMap((dataset) => levelOf(dataset) ?? []);
  levels.sort((a, b) => b.columns - a.columns);
  const [finest] = levels;
  if (!finest) return null;
  // Another part of the slide, or another scan, is no magnification of this one.
  const proportion = (level: SlideLevel) => level.rows / level.columns;
  const alike = levels.filter(
    (level) => Math.abs(proportion(level) / proportion(finest) - 1) < Math.max(0.02, 2 / level.rows + 2 / level.columns),
  );
  const overview = datasets.find((dataset) => kindOf(dataset)[2] === "OVERVIEW");
  return {
    levels: alike,
    overviewUid: overview ? stringOf(overview, tag.sopInstanceUid) : "",
    leftOut: datasets.length - alike.length - (overview ? 1 : 0),
    hasMore: volumes.some((dataset) => [tag.opticalPaths, tag.focalPlanes].some((one) => (numbersOf(dataset, one)[0] ?? 1) > 1)),
  };
}

function levelOf(dataset: DicomJson): SlideLevel | null {
  const first = (name: string) => numbersOf(dataset, name)[0];
  const [columns, rows, tileColumns, tileRows] = [tag.totalColumns, tag.totalRows, tag.columns, tag.rows].map(first);
  if (!columns || !rows || !tileColumns || !tileRows) return null;
  const across = Math.ceil(columns / tileColumns);
  const down = Math.ceil(rows / tileRows);
  const frames = first(tag.frames) ?? 1;
  const [shared] = itemsOf(dataset, tag.shared);
  const [measures] = shared ? itemsOf(shared, tag.pixelMeasures) : [];
  const pixelMm = (measures && numbersOf(measures, tag.pixelSpacing)[1]) ?? null;
  const level = { sopInstanceUid: stringOf(dataset, tag.sopInstanceUid), columns, rows, tileColumns, tileRows, pixelMm };
  if (stringOf(dataset, tag.organization) === "TILED_FULL" || (frames === 1 && across * down === 1)) {
    // Row by row; other focal planes and optical paths follow after all tiles of the first (PS3.3 C.7.6.17.3).
    if (frames < across * down) return null;
    return { ...level, frameOf: (column, row) => (isWithin(column, across) && isWithin(row, down) ? row * across + column + 1 : undefined) };
  }
  const placed = placedFrames(itemsOf(dataset, tag.perFrame), tileColumns, tileRows);
  return placed && { ...level, frameOf: (column, row) => placed.get(`${column} ${row}`) };
}

const isWithin = (index: number, count: number) => index >= 0 && index < count;

/** By column and row of tiles, the first frame of each; null where tiles lie elsewhere than on a grid of their size. */
function placedFrames(perFrame: readonly DicomJson[], tileColumns: number, tileRows: number): Map<string, number> | null {
  const placed = new Map<string, number>();
  for (const [index, item] of perFrame.entries()) {
    const [position] = itemsOf(item, tag.slidePosition);
    const column = position && numbersOf(position, tag.columnPosition)[0];
    const row = position && numbersOf(position, tag.rowPosition)[0];
    if (column === undefined || row === undefined) return null;
    const [across, down] = [(column - 1) / tileColumns, (row - 1) / tileRows];
    if (!Number.isInteger(across) || !Number.isInteger(down)) return null;
    const key = `${across} ${down}`;
    if (!placed.has(key)) placed.set(key, index + 1);
  }
  return placed.size > 0 ? placed : null;
}

/** What is seen: the place of the finest level in the middle, in its pixels, and how many of them are one screen pixel. */
export interface SlideView {
  x: number;
  y: number;
  scale: number;
}

/** The coarsest level that is at least as fine as the screen; the finest where none is. */
export function levelFor(levels: readonly SlideLevel[], scale: number): number {
  const [finest] = levels;
  const fits = levels.findLastIndex(({ columns }) => (finest?.columns ?? columns) / columns <= scale * 1.05);
  return Math.max(0, fits);
}

export interface PlacedTile {
  column: number;
  row: number;
  frameNumber: number;
  /** On the screen, px. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The tiles of a level that are on the screen, the nearest to its middle first. */
export function tilesIn(levels: readonly SlideLevel[], index: number, view: SlideView, width: number, height: number): PlacedTile[] {
  const [finest, level] = [levels[0], levels[index]];
  if (!finest || !level) return [];
  const [ratioX, ratioY] = [finest.columns / level.columns, finest.rows / level.rows];
  const left = view.x - (width / 2) * view.scale;
  const top = view.y - (height / 2) * view.scale;
  const [tileWidth, tileHeight] = [level.tileColumns * ratioX, level.tileRows * ratioY];
  const range = (from: number, length: number, tile: number, count: number): [number, number] => [
    Math.max(0, Math.floor(from / tile)),
    Math.min(count - 1, Math.floor((from + length) / tile)),
  ];
  const [firstColumn, lastColumn] = range(left, width * view.scale, tileWidth, Math.ceil(level.columns / level.tileColumns));
  const [firstRow, lastRow] = range(top, height * view.scale, tileHeight, Math.ceil(level.rows / level.tileRows));
  const found: PlacedTile[] = [];
  for (let row = firstRow; row <= lastRow; row += 1) {
    for (let column = firstColumn; column <= lastColumn; column += 1) {
      const frameNumber = level.frameOf(column, row);
      if (frameNumber === undefined) continue;
      const [x, y] = [(column * tileWidth - left) / view.scale, (row * tileHeight - top) / view.scale];
      found.push({ column, row, frameNumber, x, y, width: tileWidth / view.scale, height: tileHeight / view.scale });
    }
  }
  const away = ({ x, y, width: w, height: h }: PlacedTile) => Math.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2);
  return found.sort((a, b) => away(a) - away(b));
}

/** The whole slide in a screen of that size. */
export function wholeSlide({ columns, rows }: SlideLevel, width: number, height: number): SlideView {
  return { x: columns / 2, y: rows / 2, scale: Math.max(columns / Math.max(1, width), rows / Math.max(1, height)) };
}

/** Zoomed by a factor about a place of the screen; no closer than eight screen pixels for one of the slide, nor much smaller than the whole. */
export function zoomed(view: SlideView, factor: number, at: readonly [number, number], size: readonly [number, number], finest: SlideLevel): SlideView {
  const most = 2 * wholeSlide(finest, ...size).scale;
  const scale = Math.max(0.125, Math.min(most, view.scale / factor));
  const [dx, dy] = [at[0] - size[0] / 2, at[1] - size[1] / 2];
  return clampedTo(finest, { x: view.x + dx * (view.scale - scale), y: view.y + dy * (view.scale - scale), scale });
}

/** With its middle on the slide. */
export function clampedTo({ columns, rows }: SlideLevel, { x, y, scale }: SlideView): SlideView {
  return { x: Math.max(0, Math.min(columns, x)), y: Math.max(0, Math.min(rows, y)), scale };
}

/** As microscopes name it, by the distance of the pixels that the screen shows: 0.25 µm is 40×; null where none is stated. */
export function magnification({ pixelMm }: SlideLevel, scale: number): number | null {
  return pixelMm ? 0.01 / (pixelMm * scale) : null;
}
