type Text = string | ((...given: never[]) => string);

/** Some of the texts of a language, each of the kind that the pattern has. */
export type Some<T> = T extends Text ? T : T extends object ? { [Key in keyof T]?: Some<T[Key]> } : T;

/** A language that has some texts, and those of the pattern where it has none. */
export function withFallback<T extends object>(pattern: T, some: Some<T>): T {
  const found = Object.entries(pattern).map(([key, usual]) => {
    const own = (some as Record<string, unknown>)[key];
    if (own === undefined) return [key, usual];
    return [key, isGroup(usual) && isGroup(own) ? withFallback(usual, own) : own];
  });
  return Object.fromEntries(found) as T;
}

function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
