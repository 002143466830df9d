import type { sharing as english } from "@/shared/i18n/en/reading/sharing";

export const sharing: typeof english = {
  share: "Ansicht teilen…",
  button: "Teilen…",
  title: "Diese Ansicht teilen",
  what: "Wer diese Studie sehen darf und angemeldet ist, öffnet über den Link dieselben Ansichten, Bilder und Fensterungen. Den Namen der Person enthält er nicht.",
  validFor: "Der Link gilt",
  durations: { hour: "1 Stunde", day: "1 Tag", week: "1 Woche" },
  create: "Link erstellen",
  link: "Link",
  opensUntil: (when: string) => `Gültig bis ${when}`,
  yours: "Ihre Links zu dieser Studie",
  made: (when: string) => `Erstellt: ${when}`,
  revoke: "Widerrufen",
  revokeOf: (when: string) => `Den Link widerrufen, der bis ${when} gilt`,
  revoked: "Der Link ist widerrufen.",
  over: "Dieser Link ist abgelaufen oder wurde widerrufen. Bitten Sie um einen neuen.",
  unknown: "Dieser Link öffnet hier nichts: Er ist unvollständig, oder Sie dürfen die Studie nicht sehen.",
};
