import {
  type Enums,
  type RenderingEngine,
  StackViewport,
  type Types,
  VolumeViewport,
  VolumeViewport3D,
} from "@cornerstonejs/core";
import { isCell, type ViewId } from "./view";

export type DrawnView = StackViewport | VolumeViewport;

export interface ViewInput {
  viewId: ViewId;
  element: HTMLDivElement;
  type: Enums.ViewportType;
  orientation?: Enums.OrientationAxis;
}

/** The events of the element of every view, by their names. */
export type ViewListeners = Readonly<Record<string, (event: Event) => void>>;

const resizeAttempts = 20;
const resizeAgainMs = 50;

/** The views that are open now and their elements: stacks, three planes, or a volume. */
export class Viewports {
  private readonly elements = new Map<ViewId, HTMLDivElement>();
  private resizeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly engine: RenderingEngine,
    private readonly listeners: ViewListeners,
    private readonly onResized: () => void,
  ) {}

  enable({ viewId, element, type, orientation }: ViewInput): void {
    this.disable(viewId);
    const input: Types.PublicViewportInput = {
      viewportId: viewId,
      element,
      type,
      defaultOptions: { background: [0, 0, 0], ...(orientation ? { orientation } : {}) },
    };
    this.engine.enableElement(input);
    this.elements.set(viewId, element);
    for (const [name, listener] of Object.entries(this.listeners)) {
      element.addEventListener(name, listener);
    }
    // A toolbar that is being measured gives the element another height than it is painted with, which no observer sees.
    this.resizeAgain(resizeAttempts);
  }

  disable(viewId: ViewId): void {
    const element = this.elements.get(viewId);
    if (!element) return;
    for (const [name, listener] of Object.entries(this.listeners)) {
      element.removeEventListener(name, listener);
    }
    this.elements.delete(viewId);
    this.engine.disableElement(viewId);
  }

  has(viewId: ViewId, element: HTMLDivElement): boolean {
    return this.elements.get(viewId) === element;
  }

  get ids(): ViewId[] {
    return [...this.elements.keys()];
  }

  get(viewId: string): DrawnView | null {
    if (!this.elements.has(viewId as ViewId)) return null;
    const view = this.engine.getViewport(viewId);
    return view instanceof StackViewport || view instanceof VolumeViewport ? view : null;
  }

  stack(viewId: ViewId): StackViewport | null {
    const view = this.get(viewId);
    return view instanceof StackViewport ? view : null;
  }

  plane(viewId: ViewId): VolumeViewport | null {
    const view = this.get(viewId);
    return view instanceof VolumeViewport ? view : null;
  }

  get volume(): VolumeViewport3D | null {
    const view = this.elements.has("volume") ? this.engine.getViewport("volume") : null;
    return view instanceof VolumeViewport3D ? view : null;
  }

  all(): DrawnView[] {
    return this.ids.flatMap((viewId) => this.get(viewId) ?? []);
  }

  get stackIds(): ViewId[] {
    return this.ids.filter(isCell);
  }

  render(): void {
    if (this.elements.size > 0) this.engine.renderViewports(this.ids);
  }

  /**
   * Makes the canvases fit their elements. Cornerstone drops a resize that meets a frame being drawn
   * and leaves the image stretched, so it is asked again until every canvas has its element's shape.
   */
  resize(attempts = resizeAttempts): void {
    clearTimeout(this.resizeTimer);
    if (this.elements.size === 0) return;
    this.engine.resize(true, true);
    this.onResized();
    if (attempts > 0) this.resizeAgain(attempts - 1);
  }

  private resizeAgain(attempts: number): void {
    clearTimeout(this.resizeTimer);
    this.resizeTimer = setTimeout(() => {
      if (!this.fits) this.resize(attempts);
    }, resizeAgainMs);
  }

  private get fits(): boolean {
    return [...this.elements].every(([viewId, element]) => {
      const canvas = this.engine.getViewport(viewId)?.canvas;
      return canvas && hasShapeOf(canvas, element);
    });
  }

  end(): void {
    clearTimeout(this.resizeTimer);
    this.elements.clear();
  }
}

const roundingPx = 2;

function hasShapeOf(canvas: HTMLCanvasElement, element: HTMLElement): boolean {
  const ratio = window.devicePixelRatio;
  return (
    Math.abs(canvas.width - element.clientWidth * ratio) <= roundingPx * ratio &&
    Math.abs(canvas.height - element.clientHeight * ratio) <= roundingPx * ratio
  );
}
