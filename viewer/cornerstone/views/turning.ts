import type { DrawnView } from "./viewports";

export type Turn = "left" | "right" | "flip-horizontal" | "flip-vertical";

/** A quarter turn of what is on the screen. */
export function turn(view: DrawnView, to: "left" | "right"): void {
  const { rotation = 0 } = view.getViewPresentation();
  view.setViewPresentation({ rotation: (rotation + (to === "right" ? 90 : 270)) % 360 });
}

/** Mirrors what is on the screen, left for right or top for bottom. */
export function flip(view: DrawnView, how: "flip-horizontal" | "flip-vertical"): void {
  const { flipHorizontal = false, flipVertical = false } = view.getViewPresentation();
  view.setViewPresentation(
    how === "flip-horizontal" ? { flipHorizontal: !flipHorizontal } : { flipVertical: !flipVertical },
  );
}
