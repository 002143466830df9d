import { Enums, type RenderingEngine, setVolumesForViewports } from "@cornerstonejs/core";
import type { Vector } from "@/dicom/geometry";
import { text } from "@/shared/i18n";
import { FrameWatch } from "@/cornerstone/frames";
import { openingVoi, type LoadedSeries } from "@/cornerstone/series";
import type { MouseTools } from "@/cornerstone/tools";
import { Fusion } from "./fusion";
import { planes, type Plane } from "./view";
import type { Viewports } from "./viewports";
import { openVolume } from "./volumes";
import { SeriesWindow, type KeptWindows } from "./window";

const orientationOf: Record<Plane, Enums.OrientationAxis> = {
  axial: Enums.OrientationAxis.AXIAL,
  sagittal: Enums.OrientationAxis.SAGITTAL,
  coronal: Enums.OrientationAxis.CORONAL,
};

export const projections = ["slice", "max", "min", "mean"] as const;
export type Projection = (typeof projections)[number];

/** How thick the planes are, and what is shown of what lies within. */
export interface Slab {
  projection: Projection;
  thicknessMm: number;
}

const blendModes: Record<Projection, Enums.BlendModes> = {
  slice: Enums.BlendModes.COMPOSITE,
  max: Enums.BlendModes.MAXIMUM_INTENSITY_BLEND,
  min: Enums.BlendModes.MINIMUM_INTENSITY_BLEND,
  mean: Enums.BlendModes.AVERAGE_INTENSITY_BLEND,
};

export interface PlanesListener {
  onLoading(loaded: number, total: number): void;
  onError(error: Error): void;
}

/** One series in three planes through its volume. */
export class Planes {
  readonly window: SeriesWindow;
  readonly fusion: Fusion;
  private readonly frames: FrameWatch;
  series: LoadedSeries | null = null;
  /** Where the planes look; kept because a mask that is added to a view centres it again. */
  private lookedAt: Vector | null = null;
  slab: Slab = { projection: "slice", thicknessMm: 10 };
  private ended = false;

  constructor(
    private readonly engine: RenderingEngine,
    private readonly views: Viewports,
    private readonly mouse: MouseTools,
    private readonly listener: PlanesListener,
    windows: KeptWindows,
  ) {
    this.window = new SeriesWindow(() => planes.flatMap((plane) => views.plane(plane) ?? []), windows);
    this.fusion = new Fusion(engine, views, listener.onLoading, () => this.stay());
    this.frames = new FrameWatch((_, reason) => {
      if (reason !== null && this.isOpen) listener.onError(new Error(text().refusals.images.black));
    });
  }

  get isOpen(): boolean {
    return this.series !== null;
  }

  /** Shows a series near a point when one is given; false when it was closed meanwhile. */
  async show(
    elements: Record<Plane, HTMLDivElement>,
    series: LoadedSeries,
    near: Vector | null,
  ): Promise<boolean> {
    this.series = series;
    for (const plane of planes) {
      this.views.enable({
        viewId: plane,
        element: elements[plane],
        type: Enums.ViewportType.ORTHOGRAPHIC,
        orientation: orientationOf[plane],
      });
      this.mouse.attach(plane);
    }
    const middle = series.imageIds[Math.floor(series.imageIds.length / 2)];
    const voi = middle === undefined ? null : await openingVoi(middle).catch(() => null);
    const volumeId = await openVolume(series, this.listener.onLoading);
    if (this.isPast(series)) return false;
    await setVolumesForViewports(this.engine, [{ volumeId }], [...planes]);
    if (this.isPast(series)) return false;
    this.window.open(series, voi);
    this.window.apply();
    this.setSlab(this.slab);
    // Switching the crosshairs on centres the planes; the place to look at comes after.
    this.mouse.useCrosshairs(true);
    if (near) this.goToPoint(near);
    this.engine.renderViewports([...planes]);
    return true;
  }

  setSlab(slab: Slab): void {
    this.slab = slab;
    for (const plane of planes) {
      const view = this.views.plane(plane);
      const images = view?.getActors().filter((actor) => !actor.representationUID) ?? [];
      if (!view || images.length === 0) continue;
      const uids = images.map(({ uid }) => uid);
      view.setBlendMode(blendModes[slab.projection], uids);
      if (slab.projection === "slice") view.resetSlabThickness();
      else view.setSlabThickness(slab.thicknessMm, uids);
      view.render();
    }
    this.fusion.onSlab(slab.projection === "slice");
  }

  goToPoint(point: Vector): void {
    this.lookedAt = point;
    for (const plane of planes) this.views.plane(plane)?.jumpToWorld(point);
    this.mouse.moveCrosshairs(point);
  }

  /** Where the planes cross. */
  get point(): Vector | null {
    return this.mouse.center;
  }

  /** Keeps the place that is looked at, through what would centre the planes again. */
  stay(): void {
    this.lookedAt = this.mouse.center;
  }

  readonly onActors = (): void => {
    if (this.isOpen && this.lookedAt) this.goToPoint(this.lookedAt);
  };

  close(): void {
    if (!this.isOpen) return;
    this.fusion.hide();
    this.series = null;
    this.lookedAt = null;
    this.window.unsettle();
    this.mouse.useCrosshairs(false);
    for (const plane of planes) {
      this.mouse.detach(plane);
      this.views.disable(plane);
    }
  }

  end(): void {
    this.ended = true;
    this.frames.end();
  }

  private isPast(series: LoadedSeries): boolean {
    return this.ended || this.series !== series;
  }
}
