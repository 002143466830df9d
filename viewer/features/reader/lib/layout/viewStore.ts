import type { Undrawable, ViewId, ViewInfo } from "@/cornerstone";

export interface ViewShown {
  info: ViewInfo | null;
  imageRendered: boolean;
  maskLoaded: boolean;
  undrawable: Undrawable | null;
  /** How far the nearest slice of a linked stack lies from the place that the others show, mm; null where it shows it. */
  beyondMm: number | null;
  /** Where the place lies that is pointed at in another viewport; null while none is. */
  cursor: readonly [number, number] | null;
  /** How many of the series' images are in; null when all are, or none is being loaded. */
  loading: { loaded: number; total: number } | null;
}

const nothing: ViewShown = {
  info: null,
  imageRendered: false,
  maskLoaded: false,
  undrawable: null,
  beyondMm: null,
  cursor: null,
  loading: null,
};

/** What each view shows, outside React's tree: a scroll re-renders one overlay, not the reader. */
export class ViewStore {
  private readonly views = new Map<ViewId, ViewShown>();
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get(viewId: ViewId): ViewShown {
    return this.views.get(viewId) ?? nothing;
  }

  update(viewId: ViewId, change: Partial<ViewShown>): void {
    this.views.set(viewId, { ...this.get(viewId), ...change });
    this.tell();
  }

  /** A view shows something else from now on. */
  clear(viewId: ViewId): void {
    this.views.delete(viewId);
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
