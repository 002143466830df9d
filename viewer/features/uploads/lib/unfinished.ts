/** Uploads that this browser began and has not ended, so that a reload goes on with them. */
export interface Unfinished {
  /** A digest of the files' names, sizes and times: the same ones chosen again go on. */
  key: string;
  uploadId: string;
  sizeBytes: number;
  begunAt: string;
}

/** Of earlier versions, which kept names of files. */
const formerKey = "mediview.uploads";
const most = 20;

/** Names of files may be those of patients, so that nothing but a digest of them stays in the browser. */
export async function fingerprint(files: readonly File[]): Promise<string> {
  const stated = files.map(({ name, size, lastModified }) => `${name}|${size}|${lastModified}`).join("\n");
  // Where the node is reached without TLS there is no digest: such an upload cannot be resumed.
  const subtle = (globalThis.crypto as Partial<Crypto> | undefined)?.subtle;
  if (!subtle) return Math.random().toString(36);
  const digest = await subtle.digest("SHA-256", new TextEncoder().encode(stated));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** In an order of their own, so that one folder gives the same archive each time. */
export function inOrder(files: readonly File[]): File[] {
  const keyOf = (file: File) => `${file.webkitRelativePath || file.name}|${file.size}|${file.lastModified}`;
  return files.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** What one kind of upload keeps in the browser. */
export class KeptUploads {
  constructor(private readonly storeKey: string) {}

  all(): Unfinished[] {
    try {
      window.localStorage.removeItem(formerKey);
      const kept: unknown = JSON.parse(window.localStorage.getItem(this.storeKey) ?? "[]");
      return Array.isArray(kept) ? (kept as Unfinished[]) : [];
    } catch {
      // A browser may forbid it; uploads then go on within the page alone.
      return [];
    }
  }

  remember(one: Unfinished): void {
    this.keep([one, ...this.all().filter((other) => other.uploadId !== one.uploadId)].slice(0, most));
  }

  forget(uploadId: string): void {
    this.keep(this.all().filter((one) => one.uploadId !== uploadId));
  }

  private keep(all: readonly Unfinished[]): void {
    try {
      window.localStorage.setItem(this.storeKey, JSON.stringify(all));
    } catch {
      // As above.
    }
  }
}

export const studyUploads = new KeptUploads("mediview.uploads.unfinished");
export const modelUploads = new KeptUploads("mediview.uploads.models");
