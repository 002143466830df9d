import { afterEach, expect, it, vi } from "vitest";
import { request } from "@/shared/api/http";

afterEach(() => vi.unstubAllGlobals());

async function keepaliveOf(init: RequestInit): Promise<boolean | undefined> {
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(new Response("{}")));
  vi.stubGlobal("fetch", fetched);
  await request("/api/v1/anything", init);
  // It may have asked for the session first.
  return fetched.mock.calls.find(([path]) => path === "/api/v1/anything")?.[1]?.keepalive;
}

it("lets what a person changed outlive the page that is left", async () => {
  expect(await keepaliveOf({ method: "POST", body: JSON.stringify({ images: [1] }) })).toBe(true);
  expect(await keepaliveOf({ method: "DELETE" })).toBe(true);
});

it("asks of no browser more than it sends beyond a page", async () => {
  expect(await keepaliveOf({ method: "PUT", body: "m".repeat(8193) })).toBe(false);
  expect(await keepaliveOf({ method: "POST", body: new Blob(["m"]) })).toBe(false);
  expect(await keepaliveOf({})).toBe(false);
});
