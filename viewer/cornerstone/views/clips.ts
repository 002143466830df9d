import { clipAt, frameAt, type Clip } from "@/dicom/display/clip";
import type { LoadedSeries } from "@/cornerstone/series";
import type { StackCell } from "./cell";

interface Running {
  series: LoadedSeries;
  clip: Clip;
  /** Where in its round it was when all began, ms. */
  fromMs: number;
}

/**
 * Plays stacks, all by one clock: each at its own rate, from where it stands. A frame that cannot be drawn in time is left
 * out, so that a slow machine shows fewer frames and never a slower heart.
 */
export class Clips {
  private readonly running = new Map<StackCell, Running>();
  private request = 0;
  private beganMs = 0;

  constructor(private readonly onError: (error: Error) => void) {}

  /** Ends what was playing, and plays these; `rate` in frames per second, null for that of each header. */
  play(cells: readonly StackCell[], rate: number | null): void {
    this.stop();
    for (const cell of cells) this.begin(cell, rate);
    this.beganMs = performance.now();
    const tick = () => {
      this.step(performance.now() - this.beganMs);
      this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
  }

  stop(): void {
    cancelAnimationFrame(this.request);
    this.running.clear();
  }

  private begin(cell: StackCell, rate: number | null): void {
    const { series } = cell;
    if (!series || !cell.isShown) return;
    const clip = clipAt(series.order, cell.index, rate);
    if (clip.count > 1) this.running.set(cell, { series, clip, fromMs: clip.startsMs[cell.index - clip.first] ?? 0 });
  }

  private step(elapsedMs: number): void {
    for (const [cell, { series, clip, fromMs }] of this.running) {
      // Another series, or another clip of it, was opened there meanwhile: that one stands still.
      const { index } = cell;
      if (cell.series !== series || index < clip.first || index >= clip.first + clip.count) {
        this.running.delete(cell);
        continue;
      }
      if (!cell.isShown || !cell.isSettled) continue;
      const wanted = clip.first + frameAt(clip, elapsedMs + fromMs);
      if (wanted === index) continue;
      cell.goToIndex(wanted).catch((error: unknown) => this.onError(error instanceof Error ? error : new Error(String(error))));
    }
  }
}
