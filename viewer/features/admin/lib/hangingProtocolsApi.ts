/** How studies are laid out when they are opened. */
import { dataOf, node } from "@/shared/api/api";
import type { HangingProtocols } from "@/shared/api/types";

export const hanging = {
  get: (signal?: AbortSignal) =>
    dataOf<HangingProtocols>(node.GET("/api/v1/hanging-protocols", { signal })),
  put: (body: HangingProtocols) =>
    dataOf<HangingProtocols>(node.PUT("/api/v1/hanging-protocols", { body })),
  reset: () => node.DELETE("/api/v1/hanging-protocols"),
};
