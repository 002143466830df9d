import { cache, imageLoader } from "@cornerstonejs/core";
import type { Vector } from "@/dicom/geometry";
import { sharesSpace } from "@/dicom/linking";
import { shadesOf } from "@/dicom/display/shades";
import { comparable, glassMatrix, glassSlice } from "@/dicom/spyglass";
import type { LoadedSeries } from "@/cornerstone/series";
import type { StackCell } from "./views/cell";
import type { Links } from "./views/links";
import { imageMatrix, type Matrix, type ViewId } from "./views/view";

/** What of another stack lies at a place of one. */
export interface GlassView {
  series: LoadedSeries;
  /** The slice that shows the place, or is the nearest to it. */
  index: number;
  /** How far away that is, mm, where it does not show the place; null where it does. */
  beyondMm: number | null;
  /** Whether both share a frame of reference; else the place is the one that the viewports are aligned to. */
  isShared: boolean;
  /** From the pixels of the other image to the element, CSS pixels. */
  matrix: Matrix;
  /** The other image as its own viewport shows it; null while it is being loaded, or cannot be. */
  picture: HTMLCanvasElement | null;
}

/** Looks from one stack through to another: its image of the same place, in its own window. */
export class Spyglass {
  private painted: { key: string; canvas: HTMLCanvasElement } | null = null;
  private asked = "";

  constructor(
    private readonly cells: () => readonly StackCell[],
    private readonly links: Links,
  ) {}

  /** The stacks that can be seen through a view: none where it shows no patient's plane like theirs. */
  behind(viewId: ViewId): StackCell[] {
    const source = this.cells().find((one) => one.viewId === viewId)?.series;
    if (!source) return [];
    const stacks = this.cells().flatMap(({ series }) => series ?? []);
    return comparable(source, stacks).flatMap((series) => this.cells().find((one) => one.series === series) ?? []);
  }

  /** The `nth` of them (from 0, the last where there are fewer) at a point of the view; `onLoaded` once its image has come. */
  at(viewId: ViewId, point: [number, number], nth: number, onLoaded: () => void): GlassView | null {
    const source = this.cells().find((one) => one.viewId === viewId);
    const target = this.behind(viewId).slice(0, nth + 1).at(-1);
    const shown = source?.series?.order.slices[source.index]?.dataset;
    if (!source?.view || !source.series || !target?.series || !shown) return null;
    const onScreen = imageMatrix(source.view);
    const offset = this.links.between(source, target);
    const lpsMm: Vector = [...source.view.canvasToWorld(point)];
    const [from, to] = [source.series.order.slices, target.series.order.slices];
    const found = glassSlice(from, source.index, lpsMm, to, offset);
    if (!found || !onScreen) return null;
    const { axis } = target.series.order;
    // Of several images of the place, the one at the step that is shown.
    const index = axis ? found.index - (found.index % axis.steps) + (target.index % axis.steps) : found.index;
    const other = to[index]?.dataset;
    const matrix = other ? glassMatrix(shown, onScreen, other, offset.within) : null;
    if (!matrix) return null;
    const picture = this.picture(target, index, onLoaded);
    return { series: target.series, index, beyondMm: found.beyondMm, isShared: sharesSpace(from, to), matrix, picture };
  }

  private picture({ series, window }: StackCell, index: number, onLoaded: () => void): HTMLCanvasElement | null {
    const imageId = series?.imageIds[index];
    if (imageId === undefined) return null;
    const image = cache.getImage(imageId);
    if (!image) {
      if (this.asked !== imageId) {
        this.asked = imageId;
        // An image that does not come is named in its own viewport.
        void imageLoader.loadAndCacheImage(imageId).then(onLoaded, () => undefined);
      }
      return null;
    }
    const look = window.drawnLook;
    const key = JSON.stringify([imageId, look.range, look.curve?.length, look.isInverted]);
    if (this.painted?.key === key) return this.painted.canvas;
    const { columns, rows } = image;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [columns, rows];
    const shades = shadesOf(image.getPixelData(), columns * rows, image.numberOfComponents || 1, look);
    canvas.getContext("2d")?.putImageData(new ImageData(shades, columns, rows), 0, 0);
    this.painted = { key, canvas };
    return canvas;
  }
}
