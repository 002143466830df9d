/** Changes that come closer together are one step: a handle that is dragged tells of every pixel. */
const mergeMs = 600;

/** States of something that a person changes, step by step, back and forth. */
export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  private now: T | null = null;
  private lastMs = -Infinity;

  /** `isOneThing`: whether two states that come closer together can be of one drag; of others each is a step. */
  constructor(private readonly isOneThing: (before: T, after: T) => boolean = () => true) {}

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Something else than the person changed it: no step to take back. */
  settle(state: T): void {
    this.now = state;
  }

  record(state: T, atMs: number): void {
    const isNext = this.now !== null && (atMs - this.lastMs > mergeMs || !this.isOneThing(this.now, state));
    if (this.now !== null && isNext) this.past.push(this.now);
    this.now = state;
    this.future = [];
    this.lastMs = atMs;
  }

  /** The state before the last step; null where there is none. */
  undo(): T | null {
    return this.step(this.past, this.future);
  }

  redo(): T | null {
    return this.step(this.future, this.past);
  }

  private step(from: T[], to: T[]): T | null {
    const next = from.pop();
    if (next === undefined || this.now === null) return null;
    to.push(this.now);
    this.now = next;
    this.lastMs = -Infinity;
    return next;
  }
}
