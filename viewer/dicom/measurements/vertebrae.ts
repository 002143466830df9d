/** Levels of the spine from above, as a reader names them on images and the node keeps them. */
const from = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

/** Those of most people, by which clicks go on. */
const usual = [...from("C", 7), ...from("T", 12), ...from("L", 5), ...from("S", 5)];
/** With the supernumerary ones, T13 and L6, which a reader chooses. */
export const levels: readonly string[] = [...from("C", 7), ...from("T", 13), ...from("L", 6), ...from("S", 5)];

export type Level = string;
export type Direction = "up" | "down";

export const openingLevel: Level = "L1";

/** Which level is offered once labels were taken away, as by undo, or came back: that of the last click goes with it. */
export function levelAfter(next: Level, direction: Direction, before: readonly string[], now: readonly string[]): Level {
  const gone = without(before, now);
  const come = without(now, before);
  // A label that is renamed is neither.
  if (gone.length > 0 === come.length > 0) return next;
  if (come.length > 0) return come.sort(byLevel(direction)).reduce((level, label) => (label === level ? nextLevel(level, direction) : level), next);
  return gone.sort(byLevel(direction)).reverse().reduce((level, label) => (nextLevel(label, direction) === level ? label : level), next);
}

function without(labels: readonly string[], others: readonly string[]): string[] {
  const rest = [...others];
  return labels.filter((label) => {
    const at = rest.indexOf(label);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

/** In the order of clicks. */
function byLevel(direction: Direction): (a: string, b: string) => number {
  const sense = direction === "down" ? 1 : -1;
  return (a, b) => sense * (levels.indexOf(a) - levels.indexOf(b));
}

/** The neighbour of a level; the same at the end of the spine. */
export function nextLevel(level: Level, direction: Direction): Level {
  const by = direction === "down" ? 1 : -1;
  const isUsual = usual.includes(level);
  const all = isUsual ? usual : levels;
  return all[all.indexOf(level) + by] ?? level;
}
