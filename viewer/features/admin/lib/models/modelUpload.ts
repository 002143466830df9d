/** A model's folder on its way to the node: packed, its digest taken, sent in parts, and added. */
import { begun } from "@/features/uploads/lib/upload";
import { sendInParts, type Gate } from "@/features/uploads/lib/partUpload";
import { sha256Of } from "@/features/uploads/lib/sha256";
import { fingerprint, inOrder, modelUploads } from "@/features/uploads/lib/unfinished";
import { partStore, uploads } from "@/features/uploads/lib/uploadApi";
import { zipFiles } from "@/features/uploads/lib/zip";
import { models } from "@/features/admin/lib/adminApi";
import { Problem } from "@/shared/api/problem";
import type { ModelDetail } from "@/shared/api/types";

export type ModelUploadStage = "packing" | "comparing" | "sending" | "adding";

export interface ModelUploadProgress {
  stage: ModelUploadStage;
  fraction: number;
  /** The connection is gone, and tried again. */
  waiting: boolean;
}

/** What a system puts into folders by itself, and no model has. */
const strays = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$|(^|\/)(__MACOSX|\.git)\//;

export function filesOfModel(files: readonly File[]): File[] {
  return inOrder(files.filter((file) => !strays.test(file.webkitRelativePath || file.name)));
}

/** Adds the model of one ZIP archive, or of a folder's files; what broke off goes on. */
export async function uploadModel(
  chosen: readonly File[],
  gate: Gate,
  onProgress: (progress: ModelUploadProgress) => void,
): Promise<ModelDetail> {
  const files = filesOfModel(chosen);
  const [only] = files;
  const isArchive = files.length === 1 && only !== undefined && !only.webkitRelativePath;
  const at = (stage: ModelUploadStage, fraction: number, waiting = false) => onProgress({ stage, fraction, waiting });
  at("packing", 0);
  const body: Blob = isArchive ? only : await zipFiles(files, (file) => file.webkitRelativePath || file.name);
  await gate.passed();
  const sha256 = await sha256Of(body, (fraction) => at("comparing", fraction));
  await gate.passed();
  const uploadId = await begun({ key: await fingerprint(files), name: "model.zip", body: typed(body) }, modelUploads);
  await sendInParts(uploadId, body, partStore, gate, ({ sentBytes, waiting }) =>
    at("sending", sentBytes / Math.max(1, body.size), waiting),
  );
  at("adding", 1);
  try {
    const added = await models.add(uploadId, sha256);
    modelUploads.forget(uploadId);
    return added;
  } catch (error) {
    if (isFinal(error)) {
      modelUploads.forget(uploadId);
      // It ends by itself in any case, later.
      void Promise.resolve(uploads.giveUp(uploadId)).catch(() => undefined);
    }
    throw error;
  }
}

function typed(body: Blob): Blob {
  return body.type === "application/zip" ? body : new Blob([body], { type: "application/zip" });
}

/** The same bytes would be refused again; who only has to confirm, or to wait, sends nothing again. */
function isFinal(error: unknown): boolean {
  return error instanceof Problem && [400, 409, 413, 422].includes(error.status);
}
