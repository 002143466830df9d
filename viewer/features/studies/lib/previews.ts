/** Small pictures of a study's series, as the list shows them; kept in memory, for no cache of the browser may. */
export interface Preview {
  seriesInstanceUid: string;
  /** Modality and description. */
  words: string;
  /** Of a picture in memory. */
  url: string;
}

/** Studies whose pictures are kept: about as many as a screen shows. */
const mostStudies = 40;

/** Reads the pictures of a study once, and lets go of those of the study that was looked at longest ago. */
export class Previews {
  private readonly kept = new Map<string, readonly Preview[]>();

  constructor(
    private readonly read: (studyInstanceUid: string, signal: AbortSignal) => Promise<readonly Preview[]>,
    private readonly release: (url: string) => void,
    private readonly most = mostStudies,
  ) {}

  async of(studyInstanceUid: string, signal: AbortSignal): Promise<readonly Preview[]> {
    const known = this.kept.get(studyInstanceUid);
    const found = known ?? (await this.read(studyInstanceUid, signal));
    this.kept.delete(studyInstanceUid);
    this.kept.set(studyInstanceUid, found);
    for (const [oldest, previews] of this.kept) {
      if (this.kept.size <= this.most) break;
      this.kept.delete(oldest);
      for (const { url } of previews) this.release(url);
    }
    return found;
  }
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Where a panel stands beside a row: below it, or above where there is no room; never beyond the window. */
export function placeBeside(
  row: Box,
  x: number,
  panel: { width: number; height: number },
  screen: { width: number; height: number },
): { left: number; top: number } {
  const gap = 4;
  const below = row.bottom + gap;
  const top = below + panel.height <= screen.height ? below : Math.max(gap, row.top - gap - panel.height);
  return { left: Math.max(gap, Math.min(x, screen.width - panel.width - gap)), top };
}
