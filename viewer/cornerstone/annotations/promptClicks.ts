/**
 * Cornerstone holds each press of the mouse back for 400 ms, for a second one may make it a
 * double-click; a step of the mouse past a few pixels ends that. A brush knows no double-click: while
 * this is on, such a step follows each press, so that paint is there at once. Returns how to end it.
 */
export function promptClicks(): () => void {
  const onUp = ({ target, clientX, clientY }: MouseEvent) => {
    const view = target instanceof Element ? target.closest("[data-viewport-uid]") : null;
    // After Cornerstone has handled the same event.
    setTimeout(() => {
      view?.dispatchEvent(new MouseEvent("mousemove", { clientX: clientX + beyond, clientY }));
      view?.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY }));
    });
  };
  document.addEventListener("mouseup", onUp);
  return () => document.removeEventListener("mouseup", onUp);
}

/** Pixels; more than the three within which Cornerstone goes on waiting. */
const beyond = 8;
