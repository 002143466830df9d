import { PageSetting } from "@/shared/lib/pageSetting";

export const densities = ["compact", "comfortable"] as const;
export type Density = (typeof densities)[number];

/** As much as fits on a screen, or more room around it. */
export const density = new PageSetting<Density>("density", densities);
