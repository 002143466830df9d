/** What is dragged within a page; a browser tells of a type alone while it is under way. */
export const findingDragType = "application/x-mediview-finding";
export const measurementDragType = "application/x-mediview-measurement";

/** Whether what is dragged can be put into a report. */
export function isForReport(types: readonly string[]): boolean {
  return types.includes(findingDragType) || types.includes(measurementDragType);
}
