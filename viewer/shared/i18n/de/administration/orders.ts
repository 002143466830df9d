import type { Messages } from "@/shared/i18n/messages";

export const orders: Messages["orders"] = {
  addOrder: "Untersuchung anmelden",
  patientName: "Patientenname (Familie^Vorname)",
  birthDate: "Geburtsdatum",
  sex: "Geschlecht",
  sexes: { U: "nicht angegeben", F: "weiblich", M: "männlich", O: "divers" },
  modality: "Modalität (CT, MR, …)",
  station: "AE-Titel des Geräts",
  startDate: "Tag",
  startTime: "Uhrzeit",
};
