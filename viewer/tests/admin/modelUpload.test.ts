import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { filesOfModel, uploadModel, type ModelUploadStage } from "@/features/admin/lib/models/modelUpload";
import { models } from "@/features/admin/lib/adminApi";
import { Gate } from "@/features/uploads/lib/partUpload";
import { modelUploads, studyUploads } from "@/features/uploads/lib/unfinished";
import { partStore, uploads } from "@/features/uploads/lib/uploadApi";
import { Problem } from "@/shared/api/problem";

function inFolder(path: string, text = "x"): File {
  const file = new File([text], path.split("/").at(-1)!, { lastModified: 1 });
  Object.defineProperty(file, "webkitRelativePath", { value: path });
  return file;
}

const status = (state: string) => ({ state, part_count: 1, parts: [], received_bytes: 0 }) as never;
const folder = () => [inFolder("chest/model.onnx", "weights"), inFolder("chest/mediview.json", "{}"), inFolder("chest/.DS_Store")];

function storage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

beforeEach(() => {
  vi.stubGlobal("window", { localStorage: storage() });
  vi.spyOn(uploads, "begin").mockResolvedValue({ upload_id: "u1" } as never);
  vi.spyOn(uploads, "giveUp").mockResolvedValue({} as never);
  vi.spyOn(uploads, "look").mockResolvedValue(status("presigned"));
  vi.spyOn(partStore, "look").mockResolvedValue(status("presigned"));
  vi.spyOn(partStore, "place").mockResolvedValue({ offset_bytes: 0, size_bytes: 1 } as never);
  vi.spyOn(partStore, "send").mockResolvedValue();
  vi.spyOn(partStore, "complete").mockResolvedValue({});
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("leaves out what a system puts into folders", () => {
  const files = [inFolder("m/__MACOSX/a"), inFolder("m/.git/config"), inFolder("m/._a"), ...folder()];
  expect(filesOfModel(files).map((file) => file.webkitRelativePath)).toEqual(["chest/mediview.json", "chest/model.onnx"]);
});

it("packs a folder, sends it with its digest, and keeps nothing of it in the browser", async () => {
  const add = vi.spyOn(models, "add").mockResolvedValue({ name: "chest" } as never);
  const stages: ModelUploadStage[] = [];
  await uploadModel(folder(), new Gate(), ({ stage }) => stages.push(stage));
  expect([...new Set(stages)]).toEqual(["packing", "comparing", "sending", "adding"]);
  expect(add).toHaveBeenCalledWith("u1", expect.stringMatching(/^[0-9a-f]{64}$/));
  expect(modelUploads.all()).toEqual([]);
});

it("goes on with the same folder after the page was closed, beside uploads of studies", async () => {
  vi.spyOn(partStore, "send").mockRejectedValueOnce(new Problem(403, "", "", "", "csrf"));
  vi.spyOn(models, "add").mockResolvedValue({ name: "chest" } as never);
  await expect(uploadModel(folder(), new Gate(), () => undefined)).rejects.toThrow();
  expect(modelUploads.all()).toMatchObject([{ uploadId: "u1" }]);
  expect(studyUploads.all()).toEqual([]);
  await uploadModel(folder(), new Gate(), () => undefined);
  expect(uploads.begin).toHaveBeenCalledTimes(1);
});

it("gives up what was refused for what it is, and keeps what only waits for a confirmation", async () => {
  const refusal = (code: string, code_status: number) => new Problem(code_status, "", "", "", code);
  const add = vi.spyOn(models, "add").mockRejectedValueOnce(refusal("confirmation_required", 403));
  await expect(uploadModel(folder(), new Gate(), () => undefined)).rejects.toThrow();
  expect(modelUploads.all()).toHaveLength(1);
  add.mockRejectedValueOnce(refusal("upload_digest_differs", 422));
  await expect(uploadModel(folder(), new Gate(), () => undefined)).rejects.toThrow();
  expect(modelUploads.all()).toEqual([]);
  expect(uploads.giveUp).toHaveBeenCalledWith("u1");
});
