import { afterEach, expect, it, vi } from "vitest";

const session = "@/shared/api/session";

// Test files share their modules: what is put in place of one here must be gone for the next file.
afterEach(() => {
  vi.unstubAllGlobals();
  vi.doUnmock(session);
  vi.resetModules();
});

async function keepaliveOf(init: RequestInit): Promise<boolean | undefined> {
  vi.resetModules();
  vi.doMock(session, () => ({ getSession: () => Promise.resolve({ csrf_token: "c" }), goToSignIn: vi.fn() }));
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(new Response("{}")));
  vi.stubGlobal("fetch", fetched);
  const { request } = await import("@/shared/api/http");
  await request("/api/v1/anything", init);
  return fetched.mock.calls[0]![1]?.keepalive;
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
