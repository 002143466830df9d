/** Levels of the spine from above, as a reader names them on images and the node keeps them. */
const from = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

/** Those of most people, by which clicks go on. */
const usual = [...from("C", 7), ...from("T", 12), ...from("L", 5), ...from("S", 5)];
/** With the supernumerary ones, T13 and L6, which a reader chooses. */
export const levels: readonly string[] = [...from("C", 7), ...from("T", 13), ...from("L", 6), ...from("S", 5)];

export type Level = string;
export type Direction = "up" | "down";

export const openingLevel: Level = "L1";

/** The neighbour of a level; the same at the end of the spine. */
export function nextLevel(level: Level, direction: Direction): Level {
  const by = direction === "down" ? 1 : -1;
  const isUsual = usual.includes(level);
  const all = isUsual ? usual : levels;
  return all[all.indexOf(level) + by] ?? level;
}
