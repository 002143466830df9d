import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { debounce } from "@/shared/lib/debounce";
import { planUploads, uploadSummary } from "@/features/uploads/lib/upload";
import { crc32, zipFiles } from "@/features/uploads/lib/zip";

const text = new TextEncoder();

describe("a ZIP of many files", () => {
  it("has the checksum that the format's own test vector names", () => {
    expect(crc32(text.encode("123456789"))).toBe(0xcbf43926);
  });

  it("is read by another program, name and content", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mediview-zip-"));
    try {
      const zip = await zipFiles([
        new File(["first"], "IM1"),
        new File(["second"], "IM1"),
        new File([], "leer-ä"),
      ]);
      const path = join(folder, "upload.zip");
      writeFileSync(path, new Uint8Array(await zip.arrayBuffer()));
      const script = "import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;print([(n,z.read(n).decode()) for n in z.namelist()])";
      const read = execFileSync("python3", ["-c", script, path], { encoding: "utf8" });
      expect(read.trim()).toBe("[('000001-IM1', 'first'), ('000002-IM1', 'second'), ('000003-leer-ä', '')]");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("planning an upload", () => {
  it("packs a folder of instances and leaves archives and pictures alone", () => {
    const files = ["IM1", "IM2", "study.zip", "photo.JPG"].map((name) => new File([], name));
    const { single, together } = planUploads(files);
    expect(single.map((file) => file.name)).toEqual(["study.zip", "photo.JPG"]);
    expect(together.map((file) => file.name)).toEqual(["IM1", "IM2"]);
  });

  it("does not pack one file", () => {
    expect(planUploads([new File([], "IM1")])).toMatchObject({ single: [{ name: "IM1" }], together: [] });
  });
});

it("sums up what came of an upload", () => {
  const refused = [{ name: "a", reason: "b" }];
  const instances = { stored: 2, duplicate: 1, conflict: 0, refused, refused_count: 1 };
  const answer = { job_id: null, jobs: [], decisions: [], study_instance_uids: [], instances };
  expect(uploadSummary([answer])).toBe("2 stored, 1 already here, 1 refused.");
});

describe("waiting for quiet", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("runs once after a burst", () => {
    const run = vi.fn();
    const call = debounce(run, 100, 1000);
    call();
    call();
    vi.advanceTimersByTime(99);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("does not wait for ever while calls go on", () => {
    const run = vi.fn();
    const call = debounce(run, 100, 1000);
    for (let at = 0; at < 1500; at += 50) {
      call();
      vi.advanceTimersByTime(50);
    }
    expect(run).toHaveBeenCalledTimes(1);
  });
});
