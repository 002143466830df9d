import { text } from "@/shared/i18n";
import { sendInParts, type Gate } from "@/features/uploads/lib/partUpload";
import type { AnalyzeStarted } from "@/shared/api/types";
import { fingerprint, inOrder, studyUploads, type KeptUploads } from "@/features/uploads/lib/unfinished";
import { partStore, uploads } from "@/features/uploads/lib/uploadApi";
import { zipFiles } from "@/features/uploads/lib/zip";

export type UploadStage = "packing" | "sending" | "reading";

const alone = /\.(zip|png|jpe?g)$/i;

/** ZIP archives and plain pictures go up one by one; all the rest travels as one ZIP. */
export function planUploads(files: readonly File[]): { single: File[]; together: File[] } {
  const single = files.filter((file) => alone.test(file.name));
  const together = files.filter((file) => !alone.test(file.name));
  if (together.length === 1) return { single: [...single, ...together], together: [] };
  return { single, together };
}

export interface UploadProgress {
  stage: UploadStage;
  fraction: number;
  /** The connection is gone, and tried again. */
  waiting: boolean;
}

/** Packs what goes together, sends each in parts, and starts it: one answer for each upload made. */
export async function uploadFiles(
  files: readonly File[],
  gate: Gate,
  onProgress: (progress: UploadProgress) => void,
): Promise<AnalyzeStarted[]> {
  const { single, together } = planUploads(inOrder(files));
  const bodies: { key: string; name: string; body: Blob }[] = [];
  for (const file of single) bodies.push({ key: await fingerprint([file]), name: file.name, body: file });
  if (together.length > 0) {
    onProgress({ stage: "packing", fraction: 0, waiting: false });
    bodies.push({ key: await fingerprint(together), name: "upload.zip", body: await zipFiles(together) });
  }
  const answers: AnalyzeStarted[] = [];
  for (const [index, one] of bodies.entries()) {
    const uploadId = await begun(one, studyUploads);
    await sendInParts(uploadId, one.body, partStore, gate, ({ sentBytes, waiting }) =>
      onProgress({
        stage: "sending",
        fraction: (index + sentBytes / Math.max(1, one.body.size)) / bodies.length,
        waiting,
      }),
    );
    onProgress({ stage: "reading", fraction: (index + 1) / bodies.length, waiting: false });
    answers.push(await uploads.start(uploadId));
    studyUploads.forget(uploadId);
  }
  return answers;
}

/** The upload that these very bytes began in this browser, while it takes parts; else a new one. */
export async function begun(
  { key, name, body }: { key: string; name: string; body: Blob },
  kept: KeptUploads,
): Promise<string> {
  for (const one of kept.all()) {
    if (one.key !== key || one.sizeBytes !== body.size) continue;
    const status = await uploads.look(one.uploadId).catch(() => null);
    if (status?.state === "presigned" || status?.state === "received") {
      kept.remember(one);
      return one.uploadId;
    }
    kept.forget(one.uploadId);
  }
  const { upload_id: uploadId } = await uploads.begin(name, body.type, body.size);
  kept.remember({ key, uploadId, sizeBytes: body.size, begunAt: new Date().toISOString() });
  return uploadId;
}

/** The files of a drop, folders opened. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  return (await Promise.all(entries.map(filesUnder))).flat();
}

async function filesUnder(entry: FileSystemEntry): Promise<File[]> {
  if (isFile(entry)) {
    return [await new Promise<File>((resolve, reject) => entry.file(resolve, reject))];
  }
  if (!isDirectory(entry)) return [];
  const reader = entry.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    // A reader hands out at most a hundred entries at a time; an empty batch is the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) break;
    children.push(...batch);
  }
  return (await Promise.all(children.map(filesUnder))).flat();
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** What came of an upload, in one sentence. */
export function uploadSummary(answers: readonly AnalyzeStarted[]): string {
  const total = { stored: 0, duplicate: 0, conflict: 0, refused: 0, jobs: 0 };
  for (const answer of answers) {
    total.stored += answer.instances.stored;
    total.duplicate += answer.instances.duplicate;
    total.conflict += answer.instances.conflict;
    total.refused += answer.instances.refused.length;
    total.jobs += answer.jobs.length;
  }
  const { uploaded: t } = text().studyList;
  const parts = [
    total.stored > 0 ? t.stored(total.stored) : "",
    total.duplicate > 0 ? t.duplicate(total.duplicate) : "",
    total.conflict > 0 ? t.conflict(total.conflict) : "",
    total.refused > 0 ? t.refused(total.refused) : "",
    total.jobs > 0 ? t.jobs(total.jobs) : "",
  ].filter(Boolean);
  return parts.length > 0 ? `${parts.join(", ")}.` : t.nothing;
}
