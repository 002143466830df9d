import type { NewOrder } from "@/shared/api/types";

/** What a person fills in to order a procedure. */
export interface OrderFields {
  patientName: string;
  patientId: string;
  birthDate: string;
  sex: "" | "F" | "M" | "O";
  accessionNumber: string;
  description: string;
  modality: string;
  station: string;
  date: string;
  time: string;
}

export const emptyOrder: OrderFields = {
  patientName: "",
  patientId: "",
  birthDate: "",
  sex: "",
  accessionNumber: "",
  description: "",
  modality: "",
  station: "",
  date: "",
  time: "",
};

/** As the node takes it; the node checks every value. What is not stated is left out. */
export function orderFrom(words: OrderFields): NewOrder {
  const stated = Object.entries({
    patient_birth_date: words.birthDate,
    patient_sex: words.sex,
    accession_number: words.accessionNumber.trim(),
    requested_procedure_description: words.description.trim(),
  }).filter(([, value]) => value !== "");
  return {
    ...Object.fromEntries(stated),
    patient_name: words.patientName.trim(),
    patient_id: words.patientId.trim(),
    scheduled_procedure_step_sequence: [
      {
        modality: words.modality.trim().toUpperCase(),
        scheduled_station_ae_title: words.station.trim(),
        scheduled_procedure_step_start_date: words.date,
        scheduled_procedure_step_start_time: words.time,
      },
    ],
    // The rest has defaults of the node's own, which the generated type asks for nevertheless.
  } as unknown as NewOrder;
}
