/** Uploads that this browser began and has not ended, so that a reload goes on with them. */
export interface Unfinished {
  /** The files by name, size and time: the same ones chosen again go on. */
  key: string;
  uploadId: string;
  name: string;
  sizeBytes: number;
}

const storeKey = "mediview.uploads";
const most = 20;

export function fingerprint(files: readonly File[]): string {
  return files.map(({ name, size, lastModified }) => `${name}|${size}|${lastModified}`).join("\n");
}

/** In an order of their own, so that one folder gives the same archive each time. */
export function inOrder(files: readonly File[]): File[] {
  const keyOf = (file: File) => `${file.webkitRelativePath || file.name}|${file.size}|${file.lastModified}`;
  return files.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

export function unfinished(): Unfinished[] {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(storeKey) ?? "[]");
    return Array.isArray(kept) ? (kept as Unfinished[]) : [];
  } catch {
    // A browser may forbid it; uploads then go on within the page alone.
    return [];
  }
}

export function remember(one: Unfinished): void {
  keep([one, ...unfinished().filter((other) => other.uploadId !== one.uploadId)].slice(0, most));
}

export function forget(uploadId: string): void {
  keep(unfinished().filter((one) => one.uploadId !== uploadId));
}

function keep(all: readonly Unfinished[]): void {
  try {
    window.localStorage.setItem(storeKey, JSON.stringify(all));
  } catch {
    // As above.
  }
}
