import type { mip as english } from "@/shared/i18n/en/overlays/mip";

const sides: Partial<Record<number, string>> = { 0: "von vorn", 1: "von links", 2: "von hinten", 3: "von rechts" };

export const mip: typeof english = {
  title: "MIP",
  name: "Maximumprojektion: Pfeiltasten drehen sie",
  from: (degrees) => `${degrees}°, ${sides[degrees / 90] ?? "schräg"}`,
  turn: "Drehen",
};
