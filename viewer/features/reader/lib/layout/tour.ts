import type { Preferences } from "@/shared/api/types";
import type { Session } from "@/shared/api/session";

/** What the tour of the reader shows, one after the other; each is an element with `data-tour`. */
export const tourStops = ["series", "tools", "images", "results", "help"] as const;
export type TourStop = (typeof tourStops)[number];

const name = "reader";

/** At the first visit of a person; nobody is known to visit first where nobody signs in. */
export function isTourDue(session: Session | null, chosen: Preferences | null): boolean {
  const isPerson = session !== null && session.signed_in && session.kind !== "local";
  return isPerson && chosen !== null && !(chosen.tours ?? []).includes(name);
}

/** With this tour among those that were shown. */
export function withTour(tours: readonly string[] = []): string[] {
  return [...tours.filter((one) => one !== name), name];
}
