import { statusOf } from "@/shared/api/http";

/** Why an image is not on the screen, as far as its address tells. */
export type FrameCause = "unreachable" | "refused" | "gone" | "unavailable" | "undecodable";

/** By the status of HTTP; 0 where nothing answered. */
export function causeOfStatus(status: number): FrameCause {
  if (status === 0) return "unreachable";
  if (status === 401 || status === 403) return "refused";
  if (status === 404 || status === 410) return "gone";
  return status >= 200 && status < 300 ? "undecodable" : "unavailable";
}

/**
 * Asks for a frame once more, for the answer's status alone: the loader that failed says too little.
 * A frame that the node gives all the same is one that the browser cannot decode.
 */
export async function causeOf(frameUrl: string, signal: AbortSignal): Promise<FrameCause> {
  const headers = { Accept: "multipart/related; type=application/octet-stream; transfer-syntax=*" };
  return causeOfStatus(await statusOf(frameUrl, headers, signal));
}
