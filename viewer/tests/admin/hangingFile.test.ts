import { describe, expect, it } from "vitest";
import { mostBytes, readProtocols } from "@/features/admin/lib/hangingFile";
import { newProtocol } from "@/features/admin/lib/hangingDraft";

const file = (content: string) => new Blob([content], { type: "application/json" });

describe("a file of hanging protocols", () => {
  it("gives what was written to it", async () => {
    const protocols = [newProtocol("Mine")];
    expect(await readProtocols(file(JSON.stringify({ protocols })))).toEqual(protocols);
  });

  it("is refused with what is wrong and what helps", async () => {
    await expect(readProtocols(file("{ protocols"))).rejects.toMatchObject({ code: "no_json" });
    for (const other of ["[]", "null", "3", '{"protocols": 3}', '{"layouts": []}']) {
      await expect(readProtocols(file(other))).rejects.toMatchObject({ code: "no_protocols", remedy: expect.stringContaining("protocols") as string });
    }
    const long = file(" ".repeat(mostBytes + 1));
    await expect(readProtocols(long)).rejects.toMatchObject({ code: "too_large", remedy: expect.stringMatching(/256 KiB.*257/) as string });
  });
});
