/** Where the node wants to know again who one is: for a signature, for changes of accounts and keys. */

/** Asks the person, `reason` being the node's own sentence; false: they gave up. */
type Ask = (reason: string) => Promise<boolean>;

let ask: Ask | null = null;
let asking: Promise<boolean> | null = null;

/** The page's dialog answers from now on; call what is returned when it is gone. */
export function answerConfirmations(by: Ask): () => void {
  ask = by;
  return () => {
    if (ask === by) ask = null;
  };
}

/** One question at a time: two requests that are refused together share its answer. */
export function confirmAgain(reason: string): Promise<boolean> {
  if (!ask) return Promise.resolve(false);
  asking ??= ask(reason).finally(() => {
    asking = null;
  });
  return asking;
}
