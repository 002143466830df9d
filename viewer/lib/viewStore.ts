import type { Undrawable, ViewId, ViewInfo } from "@/lib/cornerstone";

export interface ViewShown {
  info: ViewInfo | null;
  imageRendered: boolean;
  maskLoaded: boolean;
  undrawable: Undrawable | null;
}

const nothing: ViewShown = { info: null, imageRendered: false, maskLoaded: false, undrawable: null };

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

  clear(): void {
    this.views.clear();
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
