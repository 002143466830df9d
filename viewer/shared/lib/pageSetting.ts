/** One of a few looks of the pages: an attribute of the document, kept in the browser, and by the node for the person. */
export class PageSetting<T extends string> {
  private readonly listeners = new Set<() => void>();

  /** `values`: the usual one first. */
  constructor(
    private readonly name: string,
    readonly values: readonly [T, ...T[]],
  ) {}

  readonly current = (): T => {
    const stated = typeof document === "undefined" ? "" : document.documentElement.dataset[this.name];
    return this.values.find((one) => one === stated) ?? this.values[0];
  };

  /** From now on, and in this browser the next time from the start. */
  set(next: T): void {
    document.documentElement.dataset[this.name] = next;
    try {
      window.localStorage.setItem(this.key, next);
    } catch {
      // A browser may forbid it; then for this page alone.
    }
    for (const listener of this.listeners) listener();
  }

  /** What was chosen in this browser before, before the node says what the person chose. */
  readonly restore = (): void => {
    try {
      const before = this.values.find((one) => one === window.localStorage.getItem(this.key));
      if (before && before !== this.current()) this.set(before);
    } catch {
      // Then the node's answer says it.
    }
  };

  readonly follow = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private get key(): string {
    return `mediview.${this.name}`;
  }
}
