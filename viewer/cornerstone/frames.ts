import { Enums, eventTarget } from "@cornerstonejs/core";

interface FrameEvent {
  imageId: string;
  error?: unknown;
}

/** What this viewer itself has against a frame, in words for people. */
export class FrameRefusal extends Error {}

/**
 * Which frames Cornerstone could not draw, and why. Some of its decoders reject a promise that
 * nobody holds and leave the load waiting for ever; such a rejection is laid to the frame that is
 * awaited, and taken back when that frame is drawn after all.
 */
export class FrameWatch {
  private readonly reasons = new Map<string, string>();
  private readonly reported = new WeakSet<object>();
  private readonly waiting = new Map<string, (() => void)[]>();
  private asked = "";
  private pending = false;

  /** Gets why a frame cannot be drawn, or null while nothing speaks against the one asked for. */
  constructor(private readonly onChange: (imageId: string, reason: string | null) => void) {
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_FAILED, this.onFailed);
    window.addEventListener("unhandledrejection", this.onUnhandled);
  }

  reasonOf(imageId: string): string | null {
    return this.reasons.get(imageId) ?? null;
  }

  /** The frame that the stack shows from now on; empty for none. */
  ask(imageId: string): void {
    this.asked = imageId;
    this.pending = imageId !== "";
    this.onChange(imageId, this.reasonOf(imageId));
  }

  isAsked(imageId: string): boolean {
    return imageId === this.asked;
  }

  /** What the work gives, or null as soon as the frame is known not to be drawable. */
  async orFailure<T>(imageId: string, work: Promise<T>): Promise<T | null> {
    const failed = new Promise<null>((resolve) => {
      if (this.reasons.has(imageId)) resolve(null);
      this.waiting.set(imageId, [...(this.waiting.get(imageId) ?? []), () => resolve(null)]);
    });
    const done = work.catch((error: unknown) => {
      this.fail(imageId, error);
      return null;
    });
    return Promise.race([done, failed]);
  }

  /** Images are asked for again: what failed before may come now. */
  forget(): void {
    this.reasons.clear();
    this.waiting.clear();
  }

  readonly onAsked = (event: Event): void =>
    this.ask((event as CustomEvent<FrameEvent>).detail.imageId);

  readonly onDrawn = (event: Event): void => {
    const { imageId } = (event as CustomEvent<{ image: FrameEvent }>).detail.image;
    this.reasons.delete(imageId);
    if (imageId !== this.asked) return;
    this.pending = false;
    this.onChange(imageId, null);
  };

  end(): void {
    eventTarget.removeEventListener(Enums.Events.IMAGE_LOAD_FAILED, this.onFailed);
    window.removeEventListener("unhandledrejection", this.onUnhandled);
  }

  private fail(imageId: string, error: unknown): void {
    // A request that failed is rejected as it is, an XMLHttpRequest and no Error.
    if (isObject(error)) this.reported.add(error);
    if (imageId === this.asked) this.pending = false;
    if (this.reasons.has(imageId)) return;
    // A library's own words help nobody: only what this viewer found is shown.
    const reason = error instanceof FrameRefusal ? error.message : "";
    this.reasons.set(imageId, reason);
    for (const resolve of this.waiting.get(imageId) ?? []) resolve();
    this.waiting.delete(imageId);
    this.onChange(imageId, reason);
  }

  private readonly onFailed = (event: Event): void => {
    const { imageId, error } = (event as CustomEvent<FrameEvent>).detail;
    this.fail(imageId, error);
  };

  private readonly onUnhandled = (event: PromiseRejectionEvent): void => {
    const reason: unknown = event.reason;
    const isReported = isObject(reason) && this.reported.has(reason);
    if (!isReported && !this.pending) return;
    // Shown over the image, so it need not be in the console.
    event.preventDefault();
    if (!isReported) this.fail(this.asked, reason);
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
