import type { Messages } from "@/shared/i18n/messages";

type Outlook =
  | "disk_space_low" | "fill_rate_unknown" | "disk_not_filling" | "disk_full_on" | "no_early_rule" | "retention_frees" | "retention_waits" | "clock_in_doubt"
  | "rules_wrong" | "retention_stuck" | "no_more_early" | "studies_stay" | "quota_of_bytes" | "quota_of_studies" | "quota_of_both";

/** Sizes and shares of the node, which writes them in English: "1.5 GiB", "12%". */
const german = (size: string) => size.replace(".", ",").replace("%", " %");

/** What studies wait for, as the node lists it (inference/retention/sentences.py); behind some a peer's name follows. */
const waiting: readonly (readonly [string, string])[] = [
  ["on legal hold", "gesperrt (Legal Hold)"],
  ["still being received", "noch im Empfang"],
  ["with jobs that are not finished", "mit unfertigen Aufträgen"],
  ["with results to be withdrawn", "mit zurückzuziehenden Ergebnissen"],
  ["with instances owed to", "mit Instanzen, die noch zu senden sind an"],
  ["with results that await release for", "mit Ergebnissen, die auf Freigabe warten für"],
  ["with instances not proved by", "mit Instanzen ohne Nachweis von"],
  ["to be sent on", "weiterzuleiten"],
  ["with reports owed to", "mit Befunden, die noch zu senden sind an"],
  ["with failed reports to", "mit gescheiterten Befunden an"],
  ["about to get a report", "kurz vor einem Befundentwurf"],
  ["with an unsigned report", "mit unsigniertem Befund"],
  ["with a report that is being written or sent", "mit einem Befund in Arbeit oder im Versand"],
  ["with feedback to be written", "mit Rückmeldungen, die noch zu schreiben sind"],
  ["with a critical finding that nobody has acknowledged", "mit unbestätigtem kritischem Befund"],
  ["with an open workitem", "mit offenem Arbeitsschritt"],
  ["with a conflict to be decided", "mit einem Konflikt, der zu entscheiden ist"],
  ["not confirmed by", "nicht bestätigt von"],
  ["that arrived within the last hour", "in der letzten Stunde angekommen"],
  ["whose last use is not known yet", "mit noch unbekannter letzter Nutzung"],
  ["whose headers cannot be read", "mit unlesbaren Kopfdaten"],
];

function waitingIn(list: string): string {
  return list
    .split(/, (?=\d+ )/)
    .map((entry) => {
      const [, count = "", what = entry] = /^(\d+) (.*)$/.exec(entry) ?? [];
      const [english, own] = waiting.find(([words]) => what === words || what.startsWith(`${words} `)) ?? [what, what];
      return `${count} ${own}${what.slice(english.length)}`.trim();
    })
    .join(", ");
}

/** The disk, and what retention can do for it (inference/retention/outlook_sentences.py). */
export const outlook: Pick<NonNullable<Messages["reasons"]["health"]>, Outlook> = {
  disk_space_low: ({ free, share }) => `Auf dem Datenträger des Datenordners sind ${german(free)} (${german(share)}) frei.`,
  fill_rate_unknown: () => "Wie schnell er sich füllt, ist noch nicht bekannt.",
  disk_not_filling: () => "In den letzten Tagen hat er sich nicht gefüllt.",
  disk_full_on: ({ filled, day }) =>
    `Füllt er sich weiter wie in den letzten Tagen (${german(filled)} am Tag), wird ab dem ${dayOf(day)} nichts mehr angenommen.`,
  no_early_rule: () => "Keine Regel erlaubt, Studien früher zu löschen: docs/retention.md.",
  retention_frees: ({ begins, freed }) => `Unter ${german(begins)} gibt die Aufbewahrung bis zu ${german(freed)} frei.`,
  retention_waits: () => "Die Aufbewahrung wartet.",
  clock_in_doubt: ({ now, last }) =>
    `Nach der Uhr ist der ${dayOf(now)}, und die letzte Runde war am ${dayOf(last)}. Stellen Sie die Uhr, wenn sie falsch geht; sonst werden in einem Tag wieder Studien gelöscht.`,
  rules_wrong: ({ problem }) => `Die Regeln lassen sich nicht lesen: ${problem}`,
  retention_stuck: ({ missing }) => `Der Platz ist knapp, und von dem, was nötig ist, konnte die Aufbewahrung ${german(missing)} nicht freigeben.`,
  no_more_early: () => "Keine Regel erlaubt, weitere Studien früher zu löschen (evict).",
  studies_stay: ({ studies }) => `Studien, die bleiben müssen: ${waitingIn(studies)}.`,
  quota_of_bytes: ({ rule, taken, quota, share }) =>
    `Die Regel „${rule}“ hat ${german(taken)} ihres Kontingents von ${german(quota)} belegt (${german(share)}).`,
  quota_of_studies: ({ rule, studies, most, studies_share }) =>
    `Die Regel „${rule}“ hat ${studies} der ${most} Studien ihres Kontingents belegt (${german(studies_share)}).`,
  quota_of_both: ({ rule, taken, quota, share, studies, most, studies_share }) =>
    `Die Regel „${rule}“ hat ${german(taken)} ihres Kontingents von ${german(quota)} (${german(share)}) und ${studies} der ${most} Studien belegt (${german(studies_share)}).`,
};

function dayOf(iso: string): string {
  return iso.split("-").toReversed().join(".");
}
