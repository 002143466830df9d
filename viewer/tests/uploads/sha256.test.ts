import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { Sha256, sha256Of } from "@/features/uploads/lib/sha256";

/** Of Node's OpenSSL. */
const known = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const some = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 131 + (index >> 8)) & 0xff);

it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000])("is that of OpenSSL for %i bytes", (length) => {
  expect(new Sha256().update(some(length)).digest()).toBe(known(some(length)));
});

it("does not depend on the pieces", () => {
  const bytes = some(5000);
  const digest = new Sha256();
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 3) % 97 || 1) digest.update(bytes.subarray(at, at + size));
  expect(digest.digest()).toBe(known(bytes));
});

it("takes a file in pieces and says how far it is", async () => {
  const bytes = some(5 * 1024 * 1024);
  const seen: number[] = [];
  expect(await sha256Of(new File([bytes], "model.zip"), (fraction) => seen.push(fraction))).toBe(known(bytes));
  expect(seen).toEqual([0.8, 1]);
});
