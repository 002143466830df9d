import type { ModelOrder } from "@/features/admin/lib/adminApi";
import { text } from "@/shared/i18n";
import type { Model } from "@/shared/api/types";

/** What may be asked of a version in its state; the node itself holds the gates. */
const orders: Record<Model["state"], readonly ModelOrder[]> = {
  added: ["verify"],
  verified: ["verify", "activate", "shadow", "retire"],
  active: ["verify", "shadow", "retire"],
  shadow: ["verify", "activate", "retire"],
  retired: ["verify", "activate", "shadow"],
};

export function ordersOf(state: Model["state"]): readonly ModelOrder[] {
  return orders[state];
}

/** What an order ends, as the question before it; "" where it ends nothing and is not asked about. */
export function whatStops(order: ModelOrder, state: Model["state"], pipelines: string): string {
  const { stopsResults, stopsComparison, stopsNothing } = text().admin;
  const endsResults = state === "active" && (order === "retire" || order === "shadow");
  if (endsResults) return stopsResults(pipelines);
  if (order !== "retire") return "";
  return state === "shadow" ? stopsComparison : stopsNothing;
}
