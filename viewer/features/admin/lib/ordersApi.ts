/** Orders for the modality worklist. */
import { dataOf, node } from "@/shared/api/api";
import type { NewOrder, WorklistItem } from "@/shared/api/types";

export const orderKeeping = {
  add: (body: NewOrder) => dataOf<WorklistItem>(node.POST("/api/v1/worklist", { body })),
  remove: (worklist_item_id: string) =>
    node.DELETE("/api/v1/worklist/{worklist_item_id}", { params: { path: { worklist_item_id } } }),
};
