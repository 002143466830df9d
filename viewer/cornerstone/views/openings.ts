import type { Vector } from "@/dicom/geometry";
import type { WindowRange } from "@/dicom/windowing";
import type { LoadedSeries } from "@/cornerstone/series";
import type { StackCell } from "./cell";
import type { Planes } from "@/cornerstone/volumes/planes";
import type { ViewId } from "./view";

/** What one viewport shows of a series. */
export interface ShownViewport {
  viewId: ViewId;
  seriesInstanceUid: string;
  /** The open image of a stack; null for planes. */
  image: { sopInstanceUid: string; frameNumber: number } | null;
  /** Where planes look, LPS in mm; null for a stack. */
  center: Vector | null;
  /** Null where the images have no window. */
  window: WindowRange | null;
  inverted: boolean;
}

/** What the viewports show now. */
export function shownViewports(cells: readonly StackCell[], planes: Planes): ShownViewport[] {
  if (planes.series) {
    const { series, point, window } = planes;
    const { seriesInstanceUid } = series;
    return [{ viewId: "axial", seriesInstanceUid, image: null, center: point, window: window.range, inverted: window.inverted }];
  }
  return cells.flatMap(({ viewId, series, index, window }) => {
    const slice = series?.order.slices[index];
    if (!series || !slice) return [];
    const { sopInstanceUid, frameNumber } = slice;
    const image = { sopInstanceUid, frameNumber };
    const { seriesInstanceUid } = series;
    return [{ viewId, seriesInstanceUid, image, center: null, window: window.range, inverted: window.inverted }];
  });
}

/** How viewports are asked to show their first series, as the view that somebody shared has it. */
export class Openings {
  private readonly asked = new Map<ViewId, ShownViewport>();

  constructor(viewports: readonly ShownViewport[]) {
    for (const one of viewports) this.asked.set(one.viewId, one);
  }

  /** Null where the viewport is asked for nothing, or for another series. */
  of(viewId: ViewId, { seriesInstanceUid }: LoadedSeries): ShownViewport | null {
    const asked = this.asked.get(viewId);
    return asked?.seriesInstanceUid === seriesInstanceUid ? asked : null;
  }

  /** Once it is shown, the viewport is the reader's. */
  done(viewId: ViewId): void {
    this.asked.delete(viewId);
  }
}

/** Where the image that is asked for stands in its series; undefined where it is none of it. */
export function indexIn({ order }: LoadedSeries, asked: ShownViewport | null): number | undefined {
  const found = order.slices.findIndex(
    ({ sopInstanceUid, frameNumber }) =>
      sopInstanceUid === asked?.image?.sopInstanceUid && frameNumber === asked.image.frameNumber,
  );
  return found < 0 ? undefined : found;
}
