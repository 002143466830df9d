import { describe, expect, it } from "vitest";
import { emptyOrder, orderFrom } from "@/features/admin/lib/orderFields";

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
