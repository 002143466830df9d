import type { Types } from "@cornerstonejs/core";
import type { ViewId } from "@/cornerstone/views/view";

/** Pixels: a press that goes further is no click. */
const still = 4;

/**
 * Tells of each click into a view, where it is in the view's pixels, and whether Shift was down;
 * with a mouse, a pen or a finger. Returns how to end it.
 */
export function pointClicks(onClick: (viewId: ViewId, point: Types.Point2, withShift: boolean) => void): () => void {
  let pressed: { x: number; y: number; view: HTMLElement } | null = null;
  const onDown = ({ target, button, isPrimary, clientX: x, clientY: y }: PointerEvent) => {
    const view = target instanceof Element ? target.closest<HTMLElement>("[data-viewport-uid]") : null;
    pressed = view && button === 0 && isPrimary ? { x, y, view } : null;
  };
  const onUp = ({ clientX, clientY, shiftKey }: PointerEvent) => {
    const begun = pressed;
    pressed = null;
    if (!begun || Math.hypot(clientX - begun.x, clientY - begun.y) > still) return;
    const { left, top } = begun.view.getBoundingClientRect();
    onClick(begun.view.dataset.viewportUid as ViewId, [clientX - left, clientY - top], shiftKey);
  };
  document.addEventListener("pointerdown", onDown, { capture: true });
  document.addEventListener("pointerup", onUp, { capture: true });
  return () => {
    document.removeEventListener("pointerdown", onDown, { capture: true });
    document.removeEventListener("pointerup", onUp, { capture: true });
  };
}
