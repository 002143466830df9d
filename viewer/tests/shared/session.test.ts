import { afterEach, describe, expect, it, vi } from "vitest";
import { ownPage } from "@/shared/api/session";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("the page after signing in", () => {
  it("is one of the node's own", () => {
    expect(ownPage("/study/?study=1.2.3")).toBe("/study/?study=1.2.3");
    expect(ownPage("/?q=a#row-1")).toBe("/?q=a#row-1");
  });

  it.each([
    null,
    "",
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/a\\b",
    "javascript:alert(1)",
    "/a b",
    "/\n/evil.example",
  ])("is the list of studies for %j", (next) => {
    expect(ownPage(next)).toBe("/");
  });
});

interface Asked {
  path: string;
  method: string;
  token: string | null;
}

function node(answers: (asked: Asked) => Response): Asked[] {
  const heard: Asked[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => {
    const asked = {
      path,
      method: init.method ?? "GET",
      token: new Headers(init.headers).get("X-CSRF-Token"),
    };
    heard.push(asked);
    return Promise.resolve(answers(asked));
  });
  return heard;
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status });
}

function pageAt(pathname: string, search: string) {
  const replace = vi.fn();
  vi.stubGlobal("window", { location: { pathname, search, hash: "", replace } });
  // The words of a refusal are chosen by the language of the page.
  vi.stubGlobal("navigator", { languages: ["en"] });
  vi.stubGlobal("document", { documentElement: { lang: "" } });
  return replace;
}

describe("signing out", () => {
  it("leaves no way back to where one was, though other requests are refused by then", async () => {
    const replace = pageAt("/", "?q=somebody");
    let ended = false;
    node(({ path, method }) => {
      if (path !== "/api/v1/session") return json(401, { code: "session_ended" });
      if (method === "DELETE") ended = true;
      return json(200, method === "DELETE" ? { redirect: "" } : { signed_in: !ended, csrf_token: "t" });
    });
    const { request } = await import("@/shared/api/http");
    const { checkSignedIn, signOut } = await import("@/shared/api/session");
    await Promise.allSettled([signOut(), request("/api/v1/studies"), checkSignedIn()]);
    await request("/api/v1/studies").catch(() => undefined);
    expect(replace.mock.calls).toEqual([["/sign-in/"]]);
  });
});

describe("a page that nobody is signed in to", () => {
  it("goes to the sign-in page once, however many requests are refused", async () => {
    const replace = pageAt("/study/", "?study=1.2.3");
    node(() => json(401, { code: "session_ended" }));
    const { request } = await import("@/shared/api/http");
    await Promise.allSettled([request("/api/v1/studies"), request("/api/v1/jobs")]);
    expect(replace.mock.calls).toEqual([["/sign-in/?next=%2Fstudy%2F%3Fstudy%3D1.2.3"]]);
  });
});

describe("changing the password", () => {
  it("is refused where one is: who mistypes the old one is signed in as before", async () => {
    const replace = pageAt("/account/", "");
    const heard = node(({ path }) =>
      path === "/api/v1/session"
        ? json(200, { signed_in: true, csrf_token: "t" })
        : json(401, { code: "wrong_credentials", detail: "The password is wrong." }),
    );
    const { changePassword } = await import("@/shared/api/session");
    await expect(changePassword("old", "new")).rejects.toThrow("The password is wrong.");
    expect(heard.at(-1)).toEqual({ path: "/api/v1/session/password", method: "PUT", token: "t" });
    expect(replace).not.toHaveBeenCalled();
  });
});

describe("a request", () => {
  it("shows the page's token where it changes something, and asks for it once", async () => {
    const heard = node(({ path }) =>
      path === "/api/v1/session" ? json(200, { signed_in: true, csrf_token: "t" }) : json(200, {}),
    );
    const { request } = await import("@/shared/api/http");
    await request("/api/v1/studies");
    await request("/api/v1/jobs", { method: "POST", headers: { Accept: "application/json" } });
    await request("/api/v1/jobs", { method: "POST" });
    expect(heard.map(({ path, token }) => [path, token])).toEqual([
      ["/api/v1/studies", null],
      ["/api/v1/session", null],
      ["/api/v1/jobs", "t"],
      ["/api/v1/jobs", "t"],
    ]);
  });

  it("asks for the token again where the session is another one by now", async () => {
    let token = "old";
    const heard = node(({ path, token: shown }) => {
      if (path === "/api/v1/session") return json(200, { signed_in: true, csrf_token: token });
      return shown === "new" ? json(200, {}) : json(403, { code: "csrf" });
    });
    const { request } = await import("@/shared/api/http");
    const { getSession } = await import("@/shared/api/session");
    await getSession();
    token = "new";
    await request("/api/v1/jobs", { method: "POST" });
    expect(heard.map((asked) => asked.token)).toEqual([null, "old", null, "new"]);
  });

  it("goes to the sign-in page when nobody is signed in, and comes back from there", async () => {
    const replace = pageAt("/study/", "?study=1.2");
    node(() => json(401, { code: "session_ended", detail: "The session has ended." }));
    const { request } = await import("@/shared/api/http");
    await expect(request("/api/v1/studies")).rejects.toThrow("The session has ended.");
    expect(replace).toHaveBeenCalledWith("/sign-in/?next=%2Fstudy%2F%3Fstudy%3D1.2");
  });
});
