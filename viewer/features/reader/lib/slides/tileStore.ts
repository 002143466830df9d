import { renderedUrl } from "@/dicom/dicomweb";
import { request } from "@/shared/api/http";

/** So many tiles stay; 256 × 256 of four bytes each are 80 MB. */
const mostKept = 320;
/** A browser opens six connections to a node. */
const mostAtOnce = 5;

interface Wanted {
  key: string;
  sopInstanceUid: string;
  frameNumber: number;
}

/** The tiles of a slide as the node renders them: asked for in the order in which they are wanted, the latest kept. */
export class TileStore {
  private readonly tiles = new Map<string, ImageBitmap>();
  private readonly failed = new Set<string>();
  private readonly asked = new Map<string, AbortController>();
  private queue: readonly Wanted[] = [];
  private ended = false;

  constructor(
    private readonly studyInstanceUid: string,
    private readonly seriesInstanceUid: string,
    private readonly onChange: () => void,
  ) {}

  get(sopInstanceUid: string, frameNumber: number): ImageBitmap | undefined {
    const key = keyOf(sopInstanceUid, frameNumber);
    const tile = this.tiles.get(key);
    if (!tile) return undefined;
    // The latest looked at is the last to go.
    this.tiles.delete(key);
    this.tiles.set(key, tile);
    return tile;
  }

  get failures(): number {
    return this.failed.size;
  }

  /** What is on the screen now; what is asked for and wanted no more is given up. */
  want(tiles: readonly { sopInstanceUid: string; frameNumber: number }[]): void {
    const wanted = tiles.map((tile) => ({ ...tile, key: keyOf(tile.sopInstanceUid, tile.frameNumber) }));
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, controller] of this.asked) if (!keys.has(key)) controller.abort();
    this.queue = wanted.filter(({ key }) => !this.tiles.has(key) && !this.asked.has(key) && !this.failed.has(key));
    this.next();
  }

  retry(): void {
    this.failed.clear();
    this.onChange();
  }

  end(): void {
    this.ended = true;
    for (const controller of this.asked.values()) controller.abort();
    for (const tile of this.tiles.values()) tile.close();
    this.tiles.clear();
  }

  private next(): void {
    while (this.asked.size < mostAtOnce) {
      const [first, ...rest] = this.queue;
      if (!first) return;
      this.queue = rest;
      void this.fetch(first);
    }
  }

  private async fetch({ key, sopInstanceUid, frameNumber }: Wanted): Promise<void> {
    const controller = new AbortController();
    this.asked.set(key, controller);
    try {
      const { signal } = controller;
      const response = await request(renderedUrl(this.studyInstanceUid, this.seriesInstanceUid, sopInstanceUid, frameNumber), { signal });
      const tile = await createImageBitmap(await response.blob());
      if (this.ended) tile.close();
      else this.keep(key, tile);
    } catch {
      if (!controller.signal.aborted) this.failed.add(key);
    } finally {
      this.asked.delete(key);
      if (!this.ended) {
        this.onChange();
        this.next();
      }
    }
  }

  private keep(key: string, tile: ImageBitmap): void {
    this.tiles.set(key, tile);
    for (const [oldest, bitmap] of this.tiles) {
      if (this.tiles.size <= mostKept) return;
      bitmap.close();
      this.tiles.delete(oldest);
    }
  }
}

function keyOf(sopInstanceUid: string, frameNumber: number): string {
  return `${sopInstanceUid} ${frameNumber}`;
}
