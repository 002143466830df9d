import type { MaskEdit } from "@/cornerstone";
import { request } from "@/shared/api/http";

export async function gzipped(parts: readonly Uint8Array[]): Promise<Blob> {
  const stream = new Blob([...parts] as BlobPart[]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).blob();
}

/** Sends an edit; the node writes a new SEG and SR and measures the volume itself. */
export async function saveMaskEdit(
  studyInstanceUid: string,
  sopInstanceUid: string,
  edit: MaskEdit,
  reason: string,
): Promise<void> {
  const body = new FormData();
  body.append(
    "edit",
    JSON.stringify({
      segment_numbers: [edit.segmentNumber],
      slices: edit.slices.map((slice) => ({
        sop_instance_uid: slice.sopInstanceUid,
        frame_number: slice.frameNumber,
      })),
      rows: edit.rows,
      columns: edit.columns,
      reason,
    }),
  );
  body.append("labels", await gzipped(edit.slices.map(({ values }) => values)), "labels.gz");
  await request(`/api/v1/studies/${studyInstanceUid}/segmentations/${sopInstanceUid}/edits`, {
    method: "POST",
    body,
  });
}
