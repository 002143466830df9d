import type { windows as english } from "@/shared/i18n/en/reading/windows";

export const windows: typeof english = {
  ownWindows: {
    edit: "Eigene Vorgaben…",
    title: (modality) => `Eigene Vorgaben für ${modality}`,
    remove: (name) => `Vorgabe ${name} entfernen`,
    keep: (window) => `${window} merken als`,
  },
};
