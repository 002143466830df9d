type AnyContext = (this: HTMLCanvasElement, kind: string, options?: object) => RenderingContext | null;

/**
 * Lets Cornerstone draw without antialiasing. It smooths the edges of polygons, of which an image has
 * none but its border, and software draws each pixel four times for it. vtk.js asks for contexts by
 * options of its own, which nobody can change.
 */
export function drawWithoutAntialiasing(): void {
  const canvas = HTMLCanvasElement.prototype as { getContext: AnyContext };
  const { getContext } = canvas;
  canvas.getContext = function (kind, options) {
    return getContext.call(this, kind, kind === "webgl2" ? { ...options, antialias: false } : options);
  };
}

let known: boolean | null = null;

/** Whether the browser draws WebGL without a graphics processor: a volume then takes it minutes. */
export function drawsInSoftware(): boolean {
  known ??= ask();
  return known;
}

function ask(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  const details = context?.getExtension("WEBGL_debug_renderer_info");
  const name = details ? String(context?.getParameter(details.UNMASKED_RENDERER_WEBGL)) : "";
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}
