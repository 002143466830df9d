import { describe, expect, it, vi } from "vitest";
import { protocolsFrom, protocolsText } from "@/features/admin/lib/hangingText";
import { emptyOrder, orderFrom } from "@/features/admin/lib/orderFields";
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
    { study: "current", modalities: ["CT"], description_contains: [], description_lacks: [], laterality: "", views: [], each_image: false, window: null, required: true },
    { study: "prior", modalities: [], description_contains: [], description_lacks: [], laterality: "", views: [], each_image: false, window: null, required: false },
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
  });

  it("that are no JSON are refused before they are sent", () => {
    expect(() => protocolsFrom('{"protocols": [')).toThrow("JSON");
  });
});

describe("an order", () => {
  it("leaves out what nobody said", () => {
    const words = {
      ...emptyOrder,
      patientName: " Doe^Jane ",
      patientId: "P1",
      modality: "mr",
      station: "MR1",
      date: "2026-01-31",
      time: "14:30",
    };
    const step = {
      modality: "MR",
      scheduled_station_ae_title: "MR1",
      scheduled_procedure_step_start_date: "2026-01-31",
      scheduled_procedure_step_start_time: "14:30",
    };
    const least = { patient_name: "Doe^Jane", patient_id: "P1", scheduled_procedure_step_sequence: [step] };
    expect(orderFrom(words)).toEqual(least);
    expect(orderFrom({ ...words, sex: "F", accessionNumber: "A1 " })).toEqual({
      ...least,
      patient_sex: "F",
      accession_number: "A1",
    });
  });
});
