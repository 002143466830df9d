import { describe, expect, it, vi } from "vitest";
import { protocolsFrom, protocolsText } from "@/features/admin/lib/hangingText";
import type { HangingProtocol } from "@/shared/api/types";

// The words of a refusal are chosen by the language of the page.
vi.stubGlobal("navigator", { languages: ["en"] });
vi.stubGlobal("document", { documentElement: { lang: "" } });

const beside: HangingProtocol = {
  name: "CT beside its prior",
  modalities: ["CT"],
  body_parts: [],
  rows: 1,
  columns: 2,
  linked: true,
  viewports: [
    { study: "current", modalities: ["CT"], description_contains: [], description_lacks: [], laterality: "", views: [], kind: "", each_image: false, window: null, required: true },
    { study: "prior", modalities: [], description_contains: [], description_lacks: [], laterality: "", views: [], kind: "", each_image: false, window: null, required: false },
  ],
  stages: [],
};

describe("hanging protocols as text", () => {
  it("say what differs from a viewport like any other, and nothing else", () => {
    expect(JSON.parse(protocolsText([beside]))).toEqual({
      protocols: [
        {
          name: "CT beside its prior",
          modalities: ["CT"],
          rows: 1,
          columns: 2,
          linked: true,
          viewports: [{ modalities: ["CT"] }, { study: "prior", required: false }],
        },
      ],
    });
    expect(protocolsFrom(protocolsText([]))).toEqual({ protocols: [] });
    expect(protocolsFrom(protocolsText([beside]))).toEqual({ protocols: [beside] });
  });

  it("that are no JSON are refused before they are sent", () => {
    expect(() => protocolsFrom('{"protocols": [')).toThrow("JSON");
    for (const other of ["null", "[]", "{}", '{"protocols": [1]}', '{"protocols": [{"name": "a"}]}']) {
      expect(() => protocolsFrom(other)).toThrow("list of protocols");
    }
  });
});
