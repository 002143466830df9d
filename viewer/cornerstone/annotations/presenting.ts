import type { StackViewport } from "@cornerstonejs/core";
import { presents, voiOver, type DisplayedArea, type PresentationState } from "@/dicom/display/presentation";
import { meantFor } from "@/dicom/display/imageTargets";
import type { StackCell } from "@/cornerstone/views/cell";
import { drawnPlane, worldOf } from "@/cornerstone/views/plane";

/** The presentation states that are chosen, one for a series, over the stacks that show it. */
export class Presenting {
  private readonly states = new Map<string, PresentationState>();
  /** What each stack was last set to: a reader's own changes stay until something else is due. */
  private readonly reported = new WeakMap<StackCell, string>();

  constructor(private readonly shown: () => readonly StackCell[]) {}

  choose(seriesInstanceUid: string, state: PresentationState | null): void {
    if (state) this.states.set(seriesInstanceUid, state);
    else this.states.delete(seriesInstanceUid);
    for (const cell of this.shown()) {
      if (cell.series?.seriesInstanceUid === seriesInstanceUid) this.apply(cell, true);
    }
  }

  /** A stack shows another slice, or another series. */
  follow(cell: StackCell): void {
    this.apply(cell, false);
  }

  private apply(cell: StackCell, again: boolean): void {
    const { view, series } = cell;
    const slice = series?.order.slices[cell.index];
    if (!view || !series || !slice || !cell.isShown) return;
    const chosen = this.states.get(series.seriesInstanceUid);
    const { sopInstanceUid, frameNumber } = slice;
    const isPresented = chosen && presents(chosen, series.seriesInstanceUid, sopInstanceUid, frameNumber);
    const [stated] = isPresented ? meantFor(chosen.vois, sopInstanceUid, frameNumber) : [];
    const voi = chosen && stated ? voiOver(stated, chosen, slice.dataset) : null;
    const [area = null] = isPresented ? meantFor(chosen.areas, sopInstanceUid, frameNumber) : [];
    const uid = isPresented ? chosen.sopInstanceUid : "";
    const due = uid && `${series.seriesInstanceUid} ${uid} ${JSON.stringify([voi?.range, area])}`;
    const before = this.reported.get(cell) ?? "";
    if (before === due && !again) return;
    this.reported.set(cell, due);
    if (isPresented) {
      cell.window.present(voi, chosen.inverse);
      orient(view, chosen);
      if (area) show(view, area);
    } else if (before) {
      cell.window.reset();
      cell.window.apply();
      orient(view, { rotation: 0, flipHorizontal: false });
    }
    view.render();
  }
}

/** Turned clockwise, then mirrored (PS3.3 C.10.6); Cornerstone mirrors first. */
function orient(view: StackViewport, { rotation, flipHorizontal }: { rotation: number; flipHorizontal: boolean }): void {
  view.setViewPresentation({ rotation: 0, flipHorizontal: false, flipVertical: false });
  view.resetCamera();
  const turned = flipHorizontal ? (360 - rotation) % 360 : rotation;
  view.setViewPresentation({ flipHorizontal, rotation: turned });
}

/** Moves and zooms a view so that the area fills it. */
function show(view: StackViewport, { left, top, right, bottom, magnification }: DisplayedArea): void {
  const imageId = view.getCurrentImageId();
  if (imageId === undefined) return;
  const plane = drawnPlane(imageId);
  const middle = worldOf(plane, [(left - 1 + right) / 2, (top - 1 + bottom) / 2]);
  const width = (right - left + 1) * plane.columnSpacing;
  const height = (bottom - top + 1) * plane.rowSpacing;
  const isOnItsSide = view.getViewPresentation().rotation === 90 || view.getViewPresentation().rotation === 270;
  const [across, down] = isOnItsSide ? [height, width] : [width, height];
  const { clientWidth, clientHeight } = view.element;
  const fitting = Math.max(down, (across * clientHeight) / clientWidth);
  const magnified = magnification && (clientHeight * plane.rowSpacing) / magnification;
  const { focalPoint, position } = view.getCamera();
  if (!focalPoint || !position) return;
  view.setCamera({
    parallelScale: (magnified ?? fitting) / 2,
    focalPoint: middle,
    position: [0, 1, 2].map((axis) => (position[axis] ?? 0) + (middle[axis] ?? 0) - (focalPoint[axis] ?? 0)) as typeof middle,
  });
}
