import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { sha256Of } from "@/features/uploads/lib/sha256";

/** Of Node's OpenSSL. */
const known = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

it.each([0, 1, 5 * 1024 * 1024])("takes a file of %i bytes in pieces and says how far it is", async (length) => {
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 131 + (index >> 8)) & 0xff);
  const seen: number[] = [];
  expect(await sha256Of(new File([bytes], "model.zip"), (fraction) => seen.push(fraction))).toBe(known(bytes));
  expect(seen).toEqual(length > 1 ? [0.8, 1] : Array<number>(length).fill(1));
});
