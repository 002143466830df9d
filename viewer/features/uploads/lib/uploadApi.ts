/** Uploads in parts as the node takes them; the bytes go to where each part's address says. */
import { dataOf, node, sendPart } from "@/shared/api/api";
import type { PartStore } from "@/features/uploads/lib/partUpload";
import type { AnalyzeStarted, PartUrl, UploadStatus } from "@/shared/api/types";

const at = (upload_id: string) => ({ params: { path: { upload_id } } });

export const uploads = {
  begin: (filename: string, content_type: string, size_bytes: number) =>
    dataOf<UploadStatus>(
      node.POST("/api/v1/uploads/multipart", {
        body: { filename, content_type: content_type || "application/octet-stream", size_bytes },
      }),
    ),
  look: (id: string) => dataOf<UploadStatus>(node.GET("/api/v1/uploads/{upload_id}", at(id))),
  giveUp: (id: string) => node.DELETE("/api/v1/uploads/{upload_id}", at(id)),
  start: (upload_id: string) =>
    dataOf<AnalyzeStarted>(node.POST("/api/v1/analyze/start", { body: { upload_id } })),
};

export const partStore: PartStore = {
  look: uploads.look,
  place: async (id, number) => {
    const asked = node.POST("/api/v1/uploads/{upload_id}/parts", {
      ...at(id),
      body: { part_numbers: [number] },
    });
    const [place] = (await dataOf<{ items: PartUrl[] }>(asked)).items;
    return place!;
  },
  send: (place, bytes, onSent, signal) => sendPart(place.url, bytes, onSent, signal),
  complete: (id) =>
    dataOf<UploadStatus>(node.POST("/api/v1/uploads/{upload_id}/complete", at(id))),
  rest: (ms) =>
    new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        window.removeEventListener("online", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      window.addEventListener("online", done);
    }),
};
