import type { Finding } from "@/shared/api/types";

/** The drawn segment that shows where a finding is; null where a frame does that it names, or where none is drawn. */
export function maskOfFinding(
  { segmentation, image }: Pick<Finding, "segmentation" | "image">,
  drawn: ReadonlySet<string>,
): Finding["segmentation"] {
  if (!segmentation || !drawn.has(segmentation.sop_instance_uid)) return null;
  // The largest area of a cine is that of one frame, not of the middle of all that are marked.
  return (image?.frame_number ?? null) === null ? segmentation : null;
}
