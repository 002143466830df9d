export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Prometheus' text format: one sample a line; what is none is left out. */
export function samples(text: string): Sample[] {
  const found: Sample[] = [];
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const [, name = "", labels = "", value = ""] = match;
    const parts = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    found.push({
      name,
      labels: Object.fromEntries(parts.map(([, key = "", text_ = ""]) => [key, text_])),
      value: Number(value),
    });
  }
  return found;
}

/** The sum of a metric over those of its samples that bear these labels; null where it has none. */
export function total(
  all: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number | null {
  const mine = all.filter(
    (one) =>
      one.name === name &&
      Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );
  return mine.length === 0 ? null : mine.reduce((sum, one) => sum + one.value, 0);
}
