import { describe, expect, it } from "vitest";
import { Problem } from "@/shared/api/problem";
import { Gate, GivenUp, missingOf, sendInParts, type PartProgress, type PartStore } from "@/features/uploads/lib/partUpload";
import type { PartUrl, UploadStatus } from "@/shared/api/types";
import { fingerprint, inOrder } from "@/features/uploads/lib/unfinished";

const partBytes = 4;
const body = new Blob(["AAAABBBBCCCCD"]);
const cut = new Problem(0, "The node does not answer.", "", "", "unreachable");

/** A node that keeps parts, and whose connection is cut where the test says. */
class Store implements PartStore {
  readonly parts = new Map<number, string>();
  readonly sent: number[] = [];
  rests: number[] = [];
  completed = false;
  onSend: (number: number, signal: AbortSignal) => void | Promise<void> = () => undefined;

  look = (): Promise<UploadStatus> => {
    const parts = [...this.parts].map(([part_number, text]) => ({
      part_number,
      size_bytes: text.length,
      etag: text,
    }));
    return Promise.resolve({
      state: this.completed ? "received" : "presigned",
      parts,
      part_count: Math.ceil(body.size / partBytes),
      received_bytes: parts.reduce((sum, one) => sum + one.size_bytes, 0),
    } as unknown as UploadStatus);
  };

  place = (_: string, part_number: number): Promise<PartUrl> => {
    const offset_bytes = (part_number - 1) * partBytes;
    const size_bytes = Math.min(partBytes, body.size - offset_bytes);
    return Promise.resolve({ part_number, offset_bytes, size_bytes, url: "" } as unknown as PartUrl);
  };

  send: PartStore["send"] = async (place, bytes, _, signal) => {
    this.sent.push(place.part_number);
    await this.onSend(place.part_number, signal);
    this.parts.set(place.part_number, await bytes.text());
  };

  complete = (): Promise<void> => {
    this.completed = true;
    return Promise.resolve();
  };

  rest = (ms: number): Promise<void> => {
    this.rests.push(ms);
    return Promise.resolve();
  };

  get text(): string {
    return [...this.parts].sort(([a], [b]) => a - b).map(([, text]) => text).join("");
  }
}

describe("an upload in parts", () => {
  it("is whole though its connection is cut, and sends nothing twice that has arrived", async () => {
    const store = new Store();
    let cuts = 0;
    store.onSend = (number) => {
      if (number === 2 && cuts++ < 3) throw cut;
    };
    const told: PartProgress[] = [];
    await sendInParts("u", body, store, new Gate(), (one) => told.push(one));
    expect(store.text).toBe("AAAABBBBCCCCD");
    expect(store.sent).toEqual([1, 2, 2, 2, 2, 3, 4]);
    expect(store.rests).toEqual([1000, 2000, 4000]);
    expect(told.filter((one) => one.waiting)).toHaveLength(3);
    expect(told.at(-1)?.sentBytes).toBeLessThanOrEqual(body.size);
    expect(store.completed).toBe(true);
  });

  it("goes on with the rest after the page was loaded again", async () => {
    const store = new Store();
    store.parts.set(1, "AAAA").set(3, "CCCC");
    await sendInParts("u", body, store, new Gate(), () => undefined);
    expect(store.sent).toEqual([2, 4]);
    expect(store.text).toBe("AAAABBBBCCCCD");
  });

  it("waits while it is paused, the part on its way stopped, and goes on from there", async () => {
    const store = new Store();
    const gate = new Gate();
    store.onSend = (number, signal) => {
      if (number !== 2 || store.sent.filter((one) => one === 2).length > 1) return;
      gate.pause();
      expect(signal.aborted).toBe(true);
      setTimeout(() => gate.resume());
      throw new DOMException("The part was stopped.", "AbortError");
    };
    await sendInParts("u", body, store, gate, () => undefined);
    expect(store.sent).toEqual([1, 2, 2, 3, 4]);
    expect(store.rests).toEqual([]);
  });

  it("ends when it is given up, or when the node refuses it", async () => {
    const gate = new Gate();
    gate.pause();
    const sending = sendInParts("u", body, new Store(), gate, () => undefined);
    gate.giveUp();
    await expect(sending).rejects.toBeInstanceOf(GivenUp);
    const full = new Store();
    full.onSend = () => {
      throw new Problem(507, "The disk is full.", "", "", "out_of_space");
    };
    await expect(sendInParts("u", body, full, new Gate(), () => undefined)).rejects.toThrow("The disk is full.");
    expect(full.rests).toEqual([]);
  });
});

it("knows the parts that are missing", () => {
  const parts = [{ part_number: 2, size_bytes: 4, etag: "" }];
  expect(missingOf({ part_count: 3, parts })).toEqual([1, 3]);
});

it("knows the same files again, in whatever order they are chosen, and keeps no name", async () => {
  const files = ["Doe^Jane", "a"].map((name) => new File([name], name, { lastModified: 5 }));
  const known = await fingerprint(inOrder(files));
  expect(known).toMatch(/^[0-9a-f]{64}$/);
  expect(await fingerprint(inOrder([...files].reverse()))).toBe(known);
  expect(await fingerprint(inOrder(files.slice(1)))).not.toBe(known);
});
