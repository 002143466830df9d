import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

const signPath = "/api/v1/reports/r-1/state";

/** A node that signs once for each right password, as the real one does. */
function signingNode() {
  const heard: string[] = [];
  let confirmed = false;
  vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => {
    const method = init.method ?? "GET";
    heard.push(`${method} ${path} ${typeof init.body === "string" ? init.body : ""}`.trim());
    const answer = (status: number, body: unknown) =>
      Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }));
    if (path === "/api/v1/session") return answer(200, { signed_in: true, kind: "account", csrf_token: "t" });
    if (path === "/api/v1/session/confirmation") {
      if (init.body !== JSON.stringify({ password: "right" })) {
        return answer(401, { code: "wrong_credentials", detail: "The password is wrong." });
      }
      confirmed = true;
      return answer(204, null);
    }
    if (!confirmed) {
      return answer(403, { code: "confirmation_required", detail: "To sign a report, show again who you are." });
    }
    confirmed = false;
    return answer(200, { state: "final" });
  });
  vi.stubGlobal("navigator", { languages: ["en"] });
  vi.stubGlobal("document", { documentElement: { lang: "" } });
  return heard;
}

const sign = { method: "POST", body: JSON.stringify({ state: "final", version: 3 }) };

describe("a signature", () => {
  it("asks for the password, then sends the very same order again", async () => {
    const heard = signingNode();
    const { request } = await import("@/shared/api/http");
    const { answerConfirmations } = await import("@/shared/lib/confirmation");
    const { confirmByPassword } = await import("@/shared/api/session");
    const reasons: string[] = [];
    answerConfirmations(async (reason) => {
      reasons.push(reason);
      await confirmByPassword("right");
      return true;
    });
    expect((await request(signPath, sign)).ok).toBe(true);
    expect(reasons).toEqual(["To sign a report, show again who you are."]);
    expect(heard.filter((one) => one.includes(signPath))).toEqual([
      `POST ${signPath} ${sign.body}`,
      `POST ${signPath} ${sign.body}`,
    ]);
    // The next one asks again: a confirmation signs once.
    await request(signPath, sign);
    expect(reasons).toHaveLength(2);
  });

  it("is not given by somebody who closes the question, or mistypes the password", async () => {
    const heard = signingNode();
    const { request } = await import("@/shared/api/http");
    const { answerConfirmations } = await import("@/shared/lib/confirmation");
    const { confirmByPassword } = await import("@/shared/api/session");
    answerConfirmations(async () => {
      await expect(confirmByPassword("wrong")).rejects.toThrow("The password is wrong.");
      return false;
    });
    await expect(request(signPath, sign)).rejects.toThrow("show again who you are");
    expect(heard.filter((one) => one.includes(signPath))).toHaveLength(1);
  });

  it("is asked for again where the confirmation came to nothing", async () => {
    signingNode();
    const { request } = await import("@/shared/api/http");
    const { answerConfirmations } = await import("@/shared/lib/confirmation");
    const answers = [true, true, false];
    // Somebody says to have signed in at the organisation and has not.
    answerConfirmations(() => Promise.resolve(answers.shift() ?? false));
    await expect(request(signPath, sign)).rejects.toThrow("show again who you are");
    expect(answers).toEqual([]);
  });

  it("shares one question among requests that are refused together", async () => {
    signingNode();
    const { confirmAgain, answerConfirmations } = await import("@/shared/lib/confirmation");
    let asked = 0;
    const gone = answerConfirmations(() => Promise.resolve(++asked > 0));
    expect(await Promise.all([confirmAgain("a"), confirmAgain("b")])).toEqual([true, true]);
    expect(asked).toBe(1);
    gone();
    expect(await confirmAgain("c")).toBe(false);
  });
});
