import { Enums, type RenderingEngine, setVolumesForViewports, type Types, type VolumeViewport } from "@cornerstonejs/core";
import type { Vector } from "@/dicom/geometry";
import { turnedAbout, turnedDirection } from "@/dicom/planePlace";
import { text } from "@/shared/i18n";
import { FrameWatch } from "@/cornerstone/frames";
import { openingVoi, type LoadedSeries } from "@/cornerstone/series";
import type { MouseTools } from "@/cornerstone/tools";
import { Fusion } from "./fusion";
import { openingSlab, type Projection, type Slab } from "./slab";
import { Latest } from "@/cornerstone/views/latest";
import { planes, type Plane } from "@/cornerstone/views/view";
import type { Viewports } from "@/cornerstone/views/viewports";
import { leavePaddingOut, paddingsIn, type CutVolume } from "./slabPadding";
import { openVolume, volumeIdOf } from "./volumes";
import { SeriesWindow, type KeptWindows } from "@/cornerstone/windows/window";

const orientationOf: Record<Plane, Enums.OrientationAxis> = {
  axial: Enums.OrientationAxis.AXIAL,
  sagittal: Enums.OrientationAxis.SAGITTAL,
  coronal: Enums.OrientationAxis.CORONAL,
};

const sameNormal = 1e-6;

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
  /** Whether they look where they open; Cornerstone draws them elsewhere first. */
  isPlaced = false;
  /** Where the planes look; kept because a mask that is added to a view centres it again. */
  private lookedAt: Vector | null = null;
  slab: Slab = openingSlab;
  /** How each plane lay when it was last cut. */
  private readonly normals = new Map<string, Vector>();
  private readonly latest = new Latest();

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
    // The same series may be shown once more, in other elements, while it loads.
    const isPast = this.latest.begin();
    this.series = series;
    this.isPlaced = false;
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
    if (isPast()) return false;
    await setVolumesForViewports(this.engine, [{ volumeId }], [...planes]);
    if (isPast()) return false;
    this.window.open(series, voi);
    this.window.apply();
    this.setSlab(this.slab);
    // Switching the crosshairs on centres the planes; the place to look at comes after.
    this.mouse.useCrosshairs(true);
    if (near) this.goToPoint(near);
    this.isPlaced = true;
    this.engine.renderViewports([...planes]);
    return true;
  }

  setSlab(slab: Slab): void {
    this.slab = slab;
    for (const plane of planes) {
      const view = this.views.plane(plane);
      if (!view || !this.cut(view)) continue;
      view.render();
    }
    this.fusion.onSlab(slab.projection === "slice");
  }

  /** Cuts what a plane shows out of the volume, where and as the plane lies; false without a volume. */
  private cut(view: VolumeViewport): boolean {
    const images = view.getActors().filter((actor) => !actor.representationUID);
    if (images.length === 0) return false;
    const uids = images.map(({ uid }) => uid);
    view.setBlendMode(blendModes[this.slab.projection], uids);
    const isSlice = this.slab.projection === "slice";
    const paddings = this.series && !isSlice ? paddingsIn(this.series) : [];
    for (const { actor } of this.own(images)) leavePaddingOut(actor as unknown as CutVolume, paddings);
    if (isSlice) view.resetSlabThickness();
    // Cornerstone cuts so far off on either side of the plane.
    else view.setSlabThickness(this.slab.thicknessMm / 2, uids);
    return true;
  }

  /** Those of the series itself, and not of what is laid over it. */
  private own(actors: Types.ActorEntry[]): Types.ActorEntry[] {
    return actors.filter(({ referencedId }) => this.series !== null && referencedId === volumeIdOf(this.series));
  }

  /** Cornerstone goes on cutting as a plane lay before it was turned, by key or at its crosshairs; it is cut again. */
  readonly onCamera = (viewId: string): void => {
    const view = this.isOpen ? this.views.plane(viewId as Plane) : null;
    const normal = view?.getCamera().viewPlaneNormal;
    if (!view || !normal) return;
    const before = this.normals.get(viewId);
    if (before && Math.hypot(...normal.map((one, axis) => one - (before[axis] ?? 0))) < sameNormal) return;
    this.normals.set(viewId, [...normal]);
    this.cut(view);
  };

  goToPoint(point: Vector): void {
    this.lookedAt = point;
    for (const plane of planes) this.views.plane(plane)?.jumpToWorld(point);
    this.mouse.moveCrosshairs(point);
  }

  /** Turns the two other planes about the middle of one, counterclockwise for who looks at it. */
  tilt(about: Plane, degrees: number): void {
    const { point } = this;
    const axis = this.views.plane(about)?.getCamera().viewPlaneNormal;
    if (!point || !axis) return;
    for (const plane of planes) {
      const view = plane === about ? null : this.views.plane(plane);
      const { focalPoint, position, viewUp } = view?.getCamera() ?? {};
      if (!view || !focalPoint || !position || !viewUp) continue;
      view.setCamera({
        focalPoint: turnedAbout([...focalPoint], point, [...axis], degrees),
        position: turnedAbout([...position], point, [...axis], degrees),
        viewUp: turnedDirection([...viewUp], [...axis], degrees),
      });
    }
    this.goToPoint(point);
    this.engine.renderViewports([...planes]);
  }

  /** Axial, sagittal and coronal again, through the same place and as large as they were. */
  straighten(): void {
    // Unasked, the crosshairs would centre the planes and fit them again.
    this.standUp({ resetPan: false, resetZoom: false, resetToCenter: false, suppressEvents: true });
  }

  /** The same, and as large as fits. */
  reset(): void {
    this.standUp({ resetToCenter: false });
  }

  private standUp(how: { resetPan?: boolean; resetZoom?: boolean; resetToCenter: boolean; suppressEvents?: boolean }): void {
    const { point } = this;
    for (const plane of planes) {
      const view = this.views.plane(plane);
      if (!view) continue;
      view.setViewPresentation({ rotation: 0, flipHorizontal: false, flipVertical: false });
      view.resetCamera(how);
    }
    // When a camera is reset, the crosshairs centre themselves and take the slab away.
    this.setSlab(this.slab);
    if (point) this.goToPoint(point);
    this.engine.renderViewports([...planes]);
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
    this.latest.end();
    this.fusion.hide();
    this.series = null;
    this.lookedAt = null;
    this.normals.clear();
    this.window.unsettle();
    this.mouse.useCrosshairs(false);
    for (const plane of planes) {
      this.mouse.detach(plane);
      this.views.disable(plane);
    }
  }

  end(): void {
    this.latest.end();
    this.frames.end();
  }
}
