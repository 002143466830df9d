import type { DrawnView } from "./viewports";

const [leastZoom, mostZoom] = [0.05, 60];

export function zoomBy(view: DrawnView, factor: number): void {
  view.setZoom(Math.min(mostZoom, Math.max(leastZoom, view.getZoom() * factor)));
  view.render();
}

/** By CSS pixels of the view. */
export function panBy(view: DrawnView, [across, down]: readonly [number, number]): void {
  const [x, y] = view.getPan();
  view.setPan([x + across, y + down]);
  view.render();
}
