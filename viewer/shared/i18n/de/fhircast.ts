import type { Messages } from "@/shared/i18n/messages";

/** What other systems of the same person did (FHIRcast). */
export const fhircast: Messages["fhircast"] = {
  opened: "Ein anderes System hat diese Studie geöffnet.",
  absent: "Ein anderes System hat eine Studie geöffnet, die nicht auf diesem Knoten liegt.",
  otherPatient:
    "Ein anderes System hat eine Studie über ihre Auftragsnummer geöffnet. Was hier diese Nummer hat, ist nicht sicher vom selben Patienten und bleibt zu.",
  back: "Zurück zur vorherigen Seite",
  syncError: (stated) => `Nicht alle Systeme zeigen dasselbe: ${stated}`,
};
