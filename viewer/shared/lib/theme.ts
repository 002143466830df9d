import { PageSetting } from "@/shared/lib/pageSetting";

export const themes = ["dark", "light"] as const;
export type Theme = (typeof themes)[number];

/** Dark unless somebody chose otherwise: images are read in dark rooms. */
export const theme = new PageSetting<Theme>("theme", themes);
