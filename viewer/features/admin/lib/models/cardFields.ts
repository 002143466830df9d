/** The main fields of a card, which a form and the text show alike. */

export const cardFields = [
  "title",
  "licence",
  "intended_use",
  "training_data",
  "accepts_text",
  "revision",
  "score_at_least",
] as const;
export type CardField = (typeof cardFields)[number];
const numbers: ReadonlySet<CardField> = new Set(["score_at_least"]);

export type Card = Readonly<Record<string, unknown>>;

/** The object that the text states; null where it is none. */
export function cardOf(text: string): Card | null {
  try {
    const stated: unknown = JSON.parse(text);
    return typeof stated === "object" && stated !== null && !Array.isArray(stated) ? (stated as Card) : null;
  } catch {
    return null;
  }
}

export function fieldText(card: Card, field: CardField): string {
  const value = card[field];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** The text with that value; an empty one leaves the field out. The order of the others stays. */
export function withField(card: Card, field: CardField, value: string): string {
  const { [field]: before, ...others } = card;
  const typed = numbers.has(field) && Number.isFinite(Number(value)) ? Number(value) : value;
  const changed = value === "" ? others : before === undefined ? { [field]: typed, ...others } : { ...card, [field]: typed };
  return `${JSON.stringify(changed, null, 2)}\n`;
}
