import type {
  Enums} from "@cornerstonejs/core";
import {
  type RenderingEngine,
  StackViewport,
  type Types,
  VolumeViewport,
} from "@cornerstonejs/core";
import type { ViewId } from "./view";

export type DrawnView = StackViewport | VolumeViewport;

export interface ViewInput {
  viewId: ViewId;
  element: HTMLDivElement;
  type: Enums.ViewportType;
  orientation?: Enums.OrientationAxis;
}

/** What is heard from the element of every view, by the event's name. */
export type ViewListeners = Readonly<Record<string, (event: Event) => void>>;

const resizeAttempts = 20;
const resizeAgainMs = 50;

/** The views that are open now and their elements; one stack or three planes. */
export class Viewports {
  private readonly elements = new Map<ViewId, HTMLDivElement>();
  private resizeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly engine: RenderingEngine,
    private readonly listeners: ViewListeners,
  ) {}

  enable(inputs: readonly ViewInput[]): void {
    this.engine.setViewports(
      inputs.map(({ viewId, element, type, orientation }): Types.PublicViewportInput => ({
        viewportId: viewId,
        element,
        type,
        defaultOptions: { background: [0, 0, 0], ...(orientation ? { orientation } : {}) },
      })),
    );
    for (const { viewId, element } of inputs) {
      this.elements.set(viewId, element);
      for (const [name, listener] of Object.entries(this.listeners)) {
        element.addEventListener(name, listener);
      }
    }
  }

  clear(): void {
    for (const [viewId, element] of this.elements) {
      for (const [name, listener] of Object.entries(this.listeners)) {
        element.removeEventListener(name, listener);
      }
      this.engine.disableElement(viewId);
    }
    this.elements.clear();
  }

  get ids(): ViewId[] {
    return [...this.elements.keys()];
  }

  get(viewId: string): DrawnView | null {
    const view = this.engine.getViewport(viewId);
    return view instanceof StackViewport || view instanceof VolumeViewport ? view : null;
  }

  all(): DrawnView[] {
    return this.ids.flatMap((viewId) => this.get(viewId) ?? []);
  }

  /** The stack; null while three planes are open. */
  get stack(): StackViewport | null {
    const view = this.elements.has("stack") ? this.get("stack") : null;
    return view instanceof StackViewport ? view : null;
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
    const fits = [...this.elements].every(([viewId, element]) => {
      const canvas = this.engine.getViewport(viewId)?.canvas;
      return canvas && hasShapeOf(canvas, element);
    });
    if (!fits && attempts > 0) {
      this.resizeTimer = setTimeout(() => this.resize(attempts - 1), resizeAgainMs);
    }
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
