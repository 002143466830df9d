import { request } from "@/shared/api/http";
import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";

/** One attribute of the DICOM JSON model (PS3.18 F.2). */
export interface DicomElement {
  vr: string;
  Value?: unknown[];
  BulkDataURI?: string;
  InlineBinary?: string;
}

export type DicomJson = Record<string, DicomElement | undefined>;

const root = "/dicom-web";

function seriesPath(studyInstanceUid: string, seriesInstanceUid: string): string {
  return `${root}/studies/${studyInstanceUid}/series/${seriesInstanceUid}`;
}

/** WADO-RS Retrieve Metadata: every instance of a series, without pixels. */
export async function retrieveSeriesMetadata(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  signal?: AbortSignal,
): Promise<DicomJson[]> {
  const response = await request(`${seriesPath(studyInstanceUid, seriesInstanceUid)}/metadata`, {
    headers: { Accept: "application/dicom+json" },
    signal,
  });
  return (await response.json()) as DicomJson[];
}

const explicitLittle = "1.2.840.10008.1.2.1";
const notAcceptable = 406;

/**
 * WADO-RS Retrieve Instance: the part-10 bytes of one instance, in Explicit VR Little Endian where the
 * node can bring it into that, else as stored.
 */
export async function retrieveInstance(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  sopInstanceUid: string,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const path = `${seriesPath(studyInstanceUid, seriesInstanceUid)}/instances/${sopInstanceUid}`;
  const ask = (syntax: string) =>
    request(path, {
      headers: { Accept: `multipart/related; type="application/dicom"; transfer-syntax=${syntax}` },
      signal,
    });
  const response = await ask(explicitLittle).catch((error: unknown) => {
    if (error instanceof Problem && error.status === notAcceptable) return ask("*");
    throw error;
  });
  const body = new Uint8Array(await response.arrayBuffer());
  return firstPart(body, response.headers.get("Content-Type") ?? "");
}

/** WADO-URI: one instance as a file, in the transfer syntax in which the node keeps it. */
export function instanceFileUrl(studyUID: string, seriesUID: string, objectUID: string): string {
  const query = new URLSearchParams({
    requestType: "WADO",
    studyUID,
    seriesUID,
    objectUID,
    contentType: "application/dicom",
    transferSyntax: "*",
  });
  return `${root}/wado?${query}`;
}

/** WADO-RS Retrieve Rendered: an encapsulated document as it is, a report as text. */
export function instanceRenderedUrl(studyUID: string, seriesUID: string, objectUID: string): string {
  return `${seriesPath(studyUID, seriesUID)}/instances/${objectUID}/rendered`;
}

/** The words of an encapsulated XML (CDA) or text document, without its markup. */
export async function encapsulatedText(
  studyUID: string,
  seriesUID: string,
  objectUID: string,
  signal: AbortSignal,
): Promise<string> {
  const response = await request(instanceRenderedUrl(studyUID, seriesUID, objectUID), { signal });
  const content = await response.text();
  // Parsed as XML, nothing in it runs; only its text is shown.
  const parsed = new DOMParser().parseFromString(content, "text/xml");
  const narrative = [...parsed.querySelectorAll("section > title, section > text")];
  const words = narrative.length > 0 ? narrative.map((one) => one.textContent) : [parsed.documentElement.textContent];
  return parsed.querySelector("parsererror") ? content : words.map((one) => (one ?? "").trim()).filter(Boolean).join("\n\n");
}

/** Deletes a study, or one of its series, with all that was worked out of it. */
export async function deleteFromNode(studyInstanceUid: string, seriesInstanceUid = ""): Promise<void> {
  const path = seriesInstanceUid
    ? seriesPath(studyInstanceUid, seriesInstanceUid)
    : `${root}/studies/${studyInstanceUid}`;
  await request(path, { method: "DELETE" });
}

/** The bytes of a value that the metadata only names, from the node's own origin whatever its host. */
export async function retrieveBulkData(uri: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const { pathname, search } = new URL(uri, window.location.origin);
  const response = await request(pathname + search, {
    headers: { Accept: 'multipart/related; type="application/octet-stream"' },
    signal,
  });
  const body = new Uint8Array(await response.arrayBuffer());
  return firstPart(body, response.headers.get("Content-Type") ?? "");
}

export function thumbnailUrl(studyInstanceUid: string, seriesInstanceUid: string): string {
  return `${seriesPath(studyInstanceUid, seriesInstanceUid)}/thumbnail?viewport=128,128`;
}

export interface FoundSeries {
  seriesInstanceUid: string;
  modality: string;
  description: string;
  number: number | null;
}

/** QIDO-RS Search for Series of a study. */
export async function searchSeries(studyInstanceUid: string, signal?: AbortSignal): Promise<FoundSeries[]> {
  const response = await request(`${root}/studies/${studyInstanceUid}/series?includefield=0008103E`, {
    headers: { Accept: "application/dicom+json" },
    signal,
  });
  const found = (response.status === 204 ? [] : await response.json()) as DicomJson[];
  return found.map((one) => ({
    seriesInstanceUid: stringOf(one, "0020000E"),
    modality: stringOf(one, "00080060"),
    description: stringOf(one, "0008103E"),
    number: numbersOf(one, "00200011")[0] ?? null,
  }));
}

export async function retrieveThumbnail(studyInstanceUid: string, seriesInstanceUid: string, signal?: AbortSignal): Promise<Blob> {
  return (await request(thumbnailUrl(studyInstanceUid, seriesInstanceUid), { signal })).blob();
}

/** One frame as the node renders it, a picture; frame_number counts from 1. */
export function renderedUrl(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  sopInstanceUid: string,
  frameNumber: number,
): string {
  return `${frameUrl(studyInstanceUid, seriesInstanceUid, sopInstanceUid, frameNumber)}/rendered`;
}

/** Where Cornerstone's WADO-RS loader finds one frame; frame_number counts from 1. */
export function frameUrl(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  sopInstanceUid: string,
  frameNumber: number,
): string {
  const path = seriesPath(studyInstanceUid, seriesInstanceUid);
  return `${window.location.origin}${path}/instances/${sopInstanceUid}/frames/${frameNumber}`;
}

/** The same frame in native pixels, which the node has decoded (PS3.18 8.3.3.1). */
export function asNative(urlOfFrame: string): string {
  return `${urlOfFrame}?accept=${encodeURIComponent(nativeFrames)}`;
}

/** WADO-RS Retrieve Frames: the pixels of each, native and little endian; frame numbers count from 1. */
export async function retrieveFrames(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  sopInstanceUid: string,
  frameNumbers: readonly number[],
  signal?: AbortSignal,
): Promise<ArrayBuffer[]> {
  const path = `${seriesPath(studyInstanceUid, seriesInstanceUid)}/instances/${sopInstanceUid}/frames`;
  const found: ArrayBuffer[] = [];
  for (let at = 0; at < frameNumbers.length; at += framesAtOnce) {
    const wanted = frameNumbers.slice(at, at + framesAtOnce);
    const response = await request(`${path}/${wanted.join(",")}`, {
      headers: { Accept: nativeFrames },
      signal,
    });
    const parts = partsOf(new Uint8Array(await response.arrayBuffer()), response.headers.get("Content-Type") ?? "");
    if (parts.length !== wanted.length) throw new Error(text().refusals.node.cutShort);
    found.push(...parts);
  }
  return found;
}

const nativeFrames = `multipart/related; type="application/octet-stream"; transfer-syntax=${explicitLittle}`;

/** So many that their list is no long address. */
const framesAtOnce = 50;

/**
 * The content of the first part of a multipart/related body (RFC 2387); a body that is not
 * multipart is returned as it is.
 */
export function firstPart(body: Uint8Array, contentType: string): ArrayBuffer {
  const boundary = boundaryOf(contentType);
  return boundary ? partAt(body, boundary, 0).content : copy(body);
}

/** The contents of all parts; of a body that is not multipart, itself. */
export function partsOf(body: Uint8Array, contentType: string): ArrayBuffer[] {
  const boundary = boundaryOf(contentType);
  if (!boundary) return [copy(body)];
  const found: ArrayBuffer[] = [];
  for (let at = 0; ; ) {
    const { content, end } = partAt(body, boundary, at);
    found.push(content);
    const after = end + 4 + boundary.length;
    // Two dashes end the last part (RFC 2046 5.1.1).
    if (body[after] === 0x2d && body[after + 1] === 0x2d) return found;
    at = end + 2;
  }
}

function boundaryOf(contentType: string): string | null {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  return contentType.toLowerCase().startsWith("multipart/") && boundary ? boundary : null;
}

/** The next part from a place on: its content, and where the line break before the following boundary stands. */
function partAt(body: Uint8Array, boundary: string, from: number): { content: ArrayBuffer; end: number } {
  const opening = indexOf(body, ascii(`--${boundary}`), from);
  const headersEnd = opening < 0 ? -1 : indexOf(body, ascii("\r\n\r\n"), opening);
  if (headersEnd < 0) throw new Error(text().refusals.node.noPart);
  const start = headersEnd + 4;
  const end = indexOf(body, ascii(`\r\n--${boundary}`), start);
  if (end < 0) throw new Error(text().refusals.node.cutShort);
  return { content: copy(body.subarray(start, end)), end };
}

function copy(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

function ascii(letters: string): Uint8Array {
  return new TextEncoder().encode(letters);
}

function indexOf(haystack: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0];
  if (first === undefined) return from;
  for (let at = haystack.indexOf(first, from); at >= 0; at = haystack.indexOf(first, at + 1)) {
    let length = 1;
    while (length < needle.length && haystack[at + length] === needle[length]) length += 1;
    if (length === needle.length) return at;
  }
  return -1;
}

function values(dataset: DicomJson, tag: string): unknown[] {
  return dataset[tag]?.Value ?? [];
}

export function stringOf(dataset: DicomJson, tag: string): string {
  const value = values(dataset, tag)[0];
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Whether pixels belong to an image, as its metadata states (PS3.3 C.7.6.3, C.7.6.24). */
export function holdsPixels(dataset: DicomJson): boolean {
  return ["7FE00008", "7FE00009", "7FE00010"].some((pixels) => pixels in dataset);
}

/** Texts of an attribute of several values. */
export function stringsOf(dataset: DicomJson, tag: string): string[] {
  return values(dataset, tag).filter((value): value is string => typeof value === "string");
}

/** What a document calls itself: Document Title, or the description of its series. */
export function itemTitle(dataset: DicomJson): string {
  return stringOf(dataset, "00420010") || stringOf(dataset, "0008103E");
}

/** Numbers of an attribute; a DS or IS may come as a number or as a string (PS3.18 F.2.3). */
export function numbersOf(dataset: DicomJson, tag: string): number[] {
  return values(dataset, tag).map(Number).filter(Number.isFinite);
}

export function itemsOf(dataset: DicomJson, tag: string): DicomJson[] {
  return values(dataset, tag).filter(
    (value): value is DicomJson => typeof value === "object" && value !== null,
  );
}
