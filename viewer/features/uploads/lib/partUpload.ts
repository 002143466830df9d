/**
 * Sending a file in parts: what has arrived is asked of the node, and only the rest is sent. A cut
 * connection is waited for; a reload goes on where the upload stood.
 */
import { Problem } from "@/shared/api/problem";
import type { PartUrl, UploadStatus } from "@/shared/api/types";

/** What the sending asks of the node and its store. */
export interface PartStore {
  look: (uploadId: string) => Promise<UploadStatus>;
  place: (uploadId: string, partNumber: number) => Promise<PartUrl>;
  send: (
    place: PartUrl,
    bytes: Blob,
    onSent: (bytes: number) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  complete: (uploadId: string) => Promise<unknown>;
  /** So long at most; sooner when the connection is back. */
  rest: (ms: number) => Promise<void>;
}

export interface PartProgress {
  sentBytes: number;
  /** The connection is gone, and tried again. */
  waiting: boolean;
}

export class GivenUp extends Error {}

const firstRestMs = 1000;
const longestRestMs = 30_000;

/** Holds a sending up, or ends it. */
export class Gate {
  private controller = new AbortController();
  private opened: Promise<void> = Promise.resolve();
  private open: (() => void) | null = null;
  private ended = false;

  get paused(): boolean {
    return this.open !== null;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  pause(): void {
    if (this.open) return;
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
    this.controller.abort();
  }

  resume(): void {
    this.controller = new AbortController();
    this.open?.();
    this.open = null;
  }

  giveUp(): void {
    this.ended = true;
    this.controller.abort();
    this.open?.();
    this.open = null;
  }

  /** Once the way is free. Raises GivenUp where it never will be. */
  async passed(): Promise<void> {
    await this.opened;
    if (this.ended) throw new GivenUp();
  }
}

/** Sends what is missing of an upload that was begun, and joins it. */
export async function sendInParts(
  uploadId: string,
  body: Blob,
  store: PartStore,
  gate: Gate,
  onProgress: (progress: PartProgress) => void,
): Promise<void> {
  let restMs = firstRestMs;
  let sentBytes = 0;
  for (;;) {
    await gate.passed();
    try {
      const status = await store.look(uploadId);
      if (status.state === "received" || status.state === "accepted") return;
      sentBytes = status.received_bytes ?? 0;
      onProgress({ sentBytes, waiting: false });
      for (const number of missingOf(status)) {
        await gate.passed();
        const place = await store.place(uploadId, number);
        const bytes = body.slice(place.offset_bytes, place.offset_bytes + place.size_bytes);
        const before = sentBytes;
        await store.send(
          place,
          bytes,
          (sent) => onProgress({ sentBytes: before + sent, waiting: false }),
          gate.signal,
        );
        sentBytes += place.size_bytes;
        restMs = firstRestMs;
      }
      await store.complete(uploadId);
      return;
    } catch (error) {
      if (error instanceof GivenUp) throw error;
      if (gate.paused || gate.signal.aborted) continue;
      if (!isPassing(error)) throw error;
      onProgress({ sentBytes, waiting: true });
      await store.rest(restMs);
      restMs = Math.min(longestRestMs, 2 * restMs);
    }
  }
}

export function missingOf({ part_count, parts }: Pick<UploadStatus, "part_count" | "parts">): number[] {
  const arrived = new Set(parts.map((one) => one.part_number));
  const all = Array.from({ length: part_count ?? 0 }, (_, index) => index + 1);
  return all.filter((number) => !arrived.has(number));
}

/** What goes by by itself: no connection, a node that starts again, too many requests at once. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const { status, code } = error;
  // A part that ended early or came short is sent again.
  if (code === "upload_broken_off" || code === "part_incomplete") return true;
  return status === 0 || status === 408 || status === 429 || (status >= 500 && status !== 507);
}
