export interface Debounced {
  (): void;
  cancel(): void;
}

/** Runs once things are quiet for quietMs, but never later than maxWaitMs after the first call. */
export function debounce(run: () => void, quietMs: number, maxWaitMs: number): Debounced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let firstAt: number | null = null;
  const fire = () => {
    timer = undefined;
    firstAt = null;
    run();
  };
  const debounced = () => {
    const now = Date.now();
    firstAt ??= now;
    clearTimeout(timer);
    timer = setTimeout(fire, Math.max(0, Math.min(quietMs, firstAt + maxWaitMs - now)));
  };
  debounced.cancel = () => {
    clearTimeout(timer);
    timer = undefined;
    firstAt = null;
  };
  return debounced;
}
