import { Enums as CoreEnums, RenderingEngine } from "@cornerstonejs/core";
import type { Vector } from "@/dicom/geometry";
import type { WindowPreset, WindowRange } from "@/dicom/windowing";
import { drawAcross, type AcrossDrawing } from "./annotations/acrossImages";
import { Clips } from "./views/clips";
import { MaskLayers } from "./masks/layer";
import { Links } from "./views/links";
import { Measuring } from "./annotations/measuring";
import { Openings, shownViewports, type ShownViewport } from "./views/openings";
import { Navigation } from "./navigation";
import { LastViewed } from "./lastViewed";
import { Places } from "./places";
import { Planes } from "./volumes/planes";
import { Presenting } from "./annotations/presenting";
import { forgetImages, start } from "./runtime";
import { SceneWindows } from "./windows/sceneWindows";
import { SharedCursor } from "./views/sharedCursor";
import { Showing } from "./showing";
import { Spyglass } from "./spyglass";
import { StackCells } from "./views/stackCells";
import { InStep } from "./inStep";
import { TrueSize } from "./trueSize";
import { StackSlabs } from "./views/stackSlabs";
import { Subtracting } from "./views/subtracting";
import { MouseTools } from "./tools";
import type { Undrawable } from "./views/undrawable";
import { panBy, zoomBy } from "./views/moving";
import { windowBetween } from "./windows/regionWindow";
import { flip, turn, type Turn } from "./views/turning";
import { isCell, planes, viewIdOf, viewInfo, type Plane, type ViewId, type ViewInfo } from "./views/view";
import { Viewports, type DrawnView } from "./views/viewports";
import { VolumeView } from "./volumes/volume";
import type { KeptWindows } from "./windows/window";

export interface SceneListener {
  onView(info: ViewInfo): void;
  onLoading(viewId: ViewId, loaded: number, total: number): void;
  onMaskDrawn(viewId: ViewId): void;
  /** The open frame of a stack cannot be drawn; null while none is known to fail. */
  onUndrawable(viewId: ViewId, undrawable: Undrawable | null): void;
  /** A linked stack has no slice where the others are: the nearest is so far away, mm; null where it has one. */
  onBeyond(viewId: ViewId, mm: number | null): void;
  /** A place that is pointed at in another stack lies there on the screen; null while none is. */
  onCursor(viewId: ViewId, place: readonly [number, number] | null): void;
  onError(error: Error): void;
}

let sceneCount = 0;

/** One reader: stacks in rows and columns, or one series in three planes, or as a volume. */
export class Scene {
  readonly id = `scene-${(sceneCount += 1)}`;
  private readonly engine: RenderingEngine;
  readonly mouse: MouseTools;
  readonly views: Viewports;
  readonly masks: MaskLayers;
  readonly measuring: Measuring;
  readonly planes: Planes;
  readonly volume: VolumeView;
  readonly navigation: Navigation;
  readonly places: Places;
  private readonly windows: SceneWindows;
  private readonly cells: StackCells;
  readonly links: Links;
  readonly presenting: Presenting;
  readonly subtracting: Subtracting;
  readonly slabs: StackSlabs;
  readonly cursor: SharedCursor;
  readonly spyglass: Spyglass;
  readonly trueSize: TrueSize;
  readonly inStep: InStep;
  readonly showing: Showing;
  private readonly clips: Clips;
  private activeId: ViewId = "cell-1";
  private ended = false;

  private constructor(
    private readonly listener: SceneListener,
    openings: Openings,
  ) {
    this.engine = new RenderingEngine(this.id);
    this.mouse = new MouseTools(this.id, {
      linesOf: (data) => this.measuring.linesOf(data),
      stretchOf: (one) => this.measuring.stretchOf(one),
    });
    this.views = new Viewports(this.engine, {
      [CoreEnums.Events.IMAGE_RENDERED]: this.onRendered,
      [CoreEnums.Events.PRE_STACK_NEW_IMAGE]: (event) => {
        this.cells.of(event)?.frames.onAsked(event);
        this.trueSize.leaveZoomed();
      },
      [CoreEnums.Events.STACK_NEW_IMAGE]: this.onNewImage,
      [CoreEnums.Events.VOI_MODIFIED]: (event) => this.windows.onModified(event),
      [CoreEnums.Events.CAMERA_MODIFIED]: (event) => {
        const cell = this.cells.of(event);
        if (cell) this.links.followPlane(cell);
        else this.planes.onCamera(viewIdOf(event));
      },
      [CoreEnums.Events.ACTORS_CHANGED]: () => this.planes.onActors(),
    }, () => this.trueSize.hang());
    const kept: KeptWindows = new Map();
    const draw = (viewId: string) => this.views.get(viewId)?.render();
    this.masks = new MaskLayers(draw, () => this.render(), () => this.planes.stay());
    const lastViewed = new LastViewed();
    this.cells = new StackCells(this.views, this.mouse, this.masks, lastViewed, listener, kept);
    this.measuring = new Measuring(() => this.render());
    this.links = new Links(this.cells.shown, (viewId, mm) => listener.onBeyond(viewId, mm));
    this.presenting = new Presenting(this.cells.shown);
    this.subtracting = new Subtracting(this.cells.shown);
    this.slabs = new StackSlabs(() => this.cells.all.values());
    this.cursor = new SharedCursor(this.cells.shown, this.links, (viewId, place) => listener.onCursor(viewId, place));
    this.spyglass = new Spyglass(this.cells.shown, this.links);
    this.clips = new Clips(listener.onError);
    const onLoading = (loaded: number, total: number) => {
      for (const id of this.volume.isOpen ? (["volume"] as const) : planes) listener.onLoading(id, loaded, total);
    };
    const planesListener = { onLoading, onError: listener.onError };
    this.planes = new Planes(this.engine, this.views, this.mouse, planesListener, kept);
    this.trueSize = new TrueSize(this.cells.shown, this.planes, this.views, () => this.activeId);
    this.inStep = new InStep(this.cells.shown, this.planes, this.links, () => this.render());
    this.windows = new SceneWindows(this.cells, this.planes, this.links, () => this.activeId, () => this.render());
    this.volume = new VolumeView(this.engine, this.views, this.id, onLoading);
    this.showing = new Showing(
      openings,
      this.cells,
      this.planes,
      this.volume,
      this.masks,
      this.links,
      this.presenting,
      this.trueSize,
      this.slabs,
      lastViewed,
      () => this.cells.get(this.activeId),
    );
    this.places = new Places(this.cells.all, this.views, this.planes, () => this.activeView);
    this.navigation = new Navigation(this.cells.all, this.views, this.planes, () => this.activeId, listener.onError);
  }

  /** `asked`: how viewports show the series that they open with. */
  static async open(listener: SceneListener, asked: readonly ShownViewport[] = []): Promise<Scene> {
    await start();
    return new Scene(listener, new Openings(asked));
  }

  /** What the viewports show now. */
  get shownViewports(): ShownViewport[] {
    return shownViewports(this.cells.shown(), this.planes);
  }

  /** Loads the rest of every stack in the background. */
  prefetch(): void {
    this.cells.prefetch();
  }

  activate(viewId: ViewId): void {
    this.activeId = viewId;
    this.mouse.showReferenceLines(viewId, this.views.stackIds.length > 1);
  }

  setWindow({ range, curve }: WindowPreset): void {
    this.windows.change((window) => window.set(range, curve ?? null));
  }

  /** By what lies between two points of a view. */
  windowRegion(viewId: ViewId, from: [number, number], to: [number, number]): void {
    const view = this.views.get(viewId);
    const range = view && windowBetween(view, from, to);
    if (range) this.windows.change((window) => window.set(range));
  }

  zoomBy(viewId: ViewId, factor: number): void {
    const view = this.views.get(viewId);
    if (view) zoomBy(view, factor);
  }

  /** By CSS pixels. */
  panBy(viewId: ViewId, way: [number, number]): void {
    const view = this.views.get(viewId);
    if (view) panBy(view, way);
  }

  /** Draws on a plane that is none of the images what was placed without the mouse; `points` in the patient, LPS in mm. */
  putAcross(viewId: ViewId, drawing: AcrossDrawing, points: readonly Vector[]): void {
    const view = this.views.plane(viewId as Plane);
    if (view) drawAcross(view, drawing, points);
  }

  get openingRange(): WindowRange | null {
    return this.windows.active?.opening ?? null;
  }

  /** The window of the active view. */
  get range(): WindowRange | null {
    return this.windows.active?.range ?? null;
  }

  toggleInvert(): void {
    this.windows.change((window) => window.toggleInvert());
  }

  turn(how: Turn): void {
    const view = this.activeView;
    if (!view) return;
    if (how === "flip-horizontal" || how === "flip-vertical") flip(view, how);
    else turn(view, how);
    view.render();
  }

  /** Plays the active stack, or all that are shown, by one clock; `rate` in frames per second, null for the headers'. */
  play(which: "active" | "all", rate: number | null): void {
    const shown = this.cells.shown();
    this.clips.play(which === "all" ? shown : shown.filter(({ viewId }) => viewId === this.activeId), rate);
  }

  stopPlaying(): void {
    this.clips.stop();
  }

  /** Back to the opening window, zoom, position and orientation; the slice stays. */
  reset(): void {
    if (this.volume.isOpen) this.volume.reset();
    this.windows.change((window) => window.reset());
    if (this.planes.isOpen) this.planes.reset();
    else {
      this.activeView?.setViewPresentation({ rotation: 0, flipHorizontal: false, flipVertical: false });
      this.activeView?.resetCamera({});
    }
    this.windows.active?.apply();
    this.trueSize.restore();
    this.render();
  }

  /** Takes back by how far linked stacks were moved against each other by hand. */
  resetOffset(): void {
    this.links.resetOffset(this.cells.get(this.activeId));
  }

  resize(): void {
    if (this.ended) return;
    this.trueSize.leaveZoomed();
    this.views.resize();
  }

  end(): void {
    this.clips.stop();
    this.cells.closeAll();
    this.ended = true;
    this.masks.end();
    this.measuring.end();
    this.planes.end();
    this.volume.end();
    this.views.end();
    this.mouse.end();
    this.engine.destroy();
    forgetImages();
  }

  get activeView(): DrawnView | null {
    return this.views.get(this.activeId) ?? this.views.plane("axial");
  }

  render(): void {
    if (!this.ended) this.views.render();
  }

  private readonly onNewImage = (event: Event): void => {
    const cell = this.cells.of(event);
    if (!cell) return;
    cell.frames.onDrawn(event);
    cell.window.keepCurve();
    this.presenting.follow(cell);
    this.trueSize.again();
    this.links.follow(cell);
  };

  private readonly onRendered = (event: Event): void => {
    const view = this.views.get(viewIdOf(event));
    if (!view) return;
    if (isCell(view.id) && this.views.stack(view.id)?.getImageIds().length === 0) return;
    if (this.planes.isOpen && !this.planes.isPlaced) return;
    const shown = this.windows.of(view.id);
    const { series, slab } = this.planes;
    this.listener.onView(viewInfo(view, shown?.range ?? null, shown?.inverted ?? false, series?.order.slices, slab));
    if (this.masks.isFirstPictureOf(view.id)) this.listener.onMaskDrawn(view.id as ViewId);
  };
}
