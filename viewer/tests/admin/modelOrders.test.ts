import { describe, expect, it } from "vitest";
import { ordersOf, whatStops } from "@/features/admin/lib/modelOrders";
import type { Model } from "@/shared/api/types";

const states: Model["state"][] = ["added", "verified", "active", "shadow", "retired"];

describe("orders to a version of a model", () => {
  it("are asked about first where they end something, with what ends", () => {
    expect(whatStops("retire", "active", "Chest film")).toContain("Chest film makes none from now on");
    expect(whatStops("shadow", "active", "Chest film")).toContain("Chest film makes none from now on");
    expect(whatStops("retire", "active", "")).toContain("Its pipeline makes none");
    expect(whatStops("retire", "shadow", "Chest film")).toContain("no longer compared");
    expect(whatStops("retire", "verified", "Chest film")).toContain("does not run now");
  });

  it("are never a retirement by one press, in no state", () => {
    const unasked = states.flatMap((state) => ordersOf(state).filter((order) => whatStops(order, state, "") === ""));
    expect(new Set(unasked)).toEqual(new Set(["verify", "activate", "shadow"]));
  });
});
