/** The least and the greatest of any number of values; infinite ones of none. `Math.min(...values)` ends at some 100,000. */
export function extentOf(values: Iterable<number>): [number, number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}
