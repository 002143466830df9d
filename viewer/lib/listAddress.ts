/** Which studies the list shows; it lives in the list's address. */
export interface ListQuery {
  text: string;
  offset: number;
}

let left = "";

export function readListQuery(parameters: URLSearchParams): ListQuery {
  const offset = Number(parameters.get("offset"));
  return {
    text: parameters.get("q") ?? "",
    offset: Number.isSafeInteger(offset) && offset > 0 ? offset : 0,
  };
}

/** The address of the list, remembered so that the reader can return to it. */
export function listAddress({ text, offset }: ListQuery): string {
  const parameters = new URLSearchParams();
  if (text) parameters.set("q", text);
  if (offset > 0) parameters.set("offset", String(offset));
  left = parameters.size > 0 ? `?${parameters}` : "";
  return `/${left}`;
}

/** The list as it was left, at the row of this study. */
export function returnAddress(studyInstanceUid: string): string {
  return `/${left}#${studyInstanceUid}`;
}
