/** Questions in words: asked once, and waited for where the node goes on working. */
import { dataOf, node } from "@/shared/api/api";
import { itemTitle, retrieveSeriesMetadata, stringOf } from "@/dicom/dicomweb";
import { request } from "@/shared/api/http";
import type { Answer, AnswerStarted, SearchResult, SimilarReport, StudyDetail } from "@/shared/api/types";

const lookEveryMs = 1000;
const encapsulatedPdf = "1.2.840.10008.5.1.4.1.1.104.1";

/** A document of the study that can be asked. */
export interface StudyDocument {
  sopInstanceUid: string;
  title: string;
}

export async function askAboutStudy(
  study_instance_uid: string,
  question: string,
  signal: AbortSignal,
): Promise<Answer> {
  return awaited(
    await dataOf<Answer | AnswerStarted>(
      node.POST("/api/v1/vqa", { body: { study_instance_uid, question }, signal }),
    ),
    signal,
  );
}

export function askAboutDocument(
  sop_instance_uid: string,
  question: string,
  signal: AbortSignal,
): Promise<Answer> {
  const body = JSON.stringify({ sop_instance_uid, question });
  return asked({ body, headers: { "Content-Type": "application/json" }, signal });
}

/** A file that the node keeps no longer than its answer. */
export function askAboutFile(file: File, question: string, signal: AbortSignal): Promise<Answer> {
  const body = new FormData();
  body.set("file", file);
  body.set("question", question);
  return asked({ body, signal });
}

/** What reports of the node say, in a few sentences, each with what it rests on. */
export function summarizeReports(report_ids: string[], signal: AbortSignal): Promise<Answer> {
  return summarize({ report_ids }, signal);
}

export function summarizeText(text: string, signal: AbortSignal): Promise<Answer> {
  return summarize({ text }, signal);
}

async function summarize(
  source: { text: string } | { report_ids: string[] },
  signal: AbortSignal,
): Promise<Answer> {
  const body = { report_ids: [], max_sentences: 5, ...source };
  return awaited(await dataOf<Answer | AnswerStarted>(node.POST("/api/v1/summarize", { body, signal })), signal);
}

/** A text with placeholders in place of names and numbers of people. */
export async function takeOutIdentifiers(
  text: string,
  keep_dates: boolean,
  signal: AbortSignal,
): Promise<Answer> {
  const body = { text, keep_dates };
  return awaited(await dataOf<Answer | AnswerStarted>(node.POST("/api/v1/deid/text", { body, signal })), signal);
}

async function asked(init: RequestInit & { signal: AbortSignal }): Promise<Answer> {
  const response = await request("/api/v1/docqa", { method: "POST", ...init });
  return awaited((await response.json()) as Answer | AnswerStarted, init.signal);
}

async function awaited(first: Answer | AnswerStarted, signal: AbortSignal): Promise<Answer> {
  let answer = first;
  while ("answer_url" in answer) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    signal.throwIfAborted();
    const params = { path: { job_id: answer.job_id } };
    answer = await dataOf<Answer | AnswerStarted>(
      node.GET("/api/v1/answers/{job_id}", { params, signal }),
    );
  }
  return answer;
}

/** The page of the document that was asked, as a picture. */
export function pageUrl({ job_id }: Answer, pageNumber: number): string {
  return `/api/v1/answers/${job_id}/pages/${pageNumber}`;
}

/** The PDFs that came with the study or were made of it. */
export async function documentsOf(study: StudyDetail, signal: AbortSignal): Promise<StudyDocument[]> {
  const found = await Promise.all(
    study.series
      .filter((series) => series.modality === "DOC")
      .map((series) => retrieveSeriesMetadata(study.study_instance_uid, series.series_instance_uid, signal)),
  );
  return found
    .flat()
    .filter((dataset) => stringOf(dataset, "00080016") === encapsulatedPdf)
    .map((dataset) => ({ sopInstanceUid: stringOf(dataset, "00080018"), title: itemTitle(dataset) }));
}

export function searchByMeaning(
  q: string,
  kind: "report" | "finding" | undefined,
  signal: AbortSignal,
): Promise<SearchResult> {
  return dataOf<SearchResult>(node.GET("/api/v1/search", { params: { query: { q, kind, limit: 50 } }, signal }));
}

export async function similarReports(report_id: string, signal: AbortSignal): Promise<SimilarReport[]> {
  const params = { path: { report_id } };
  const path = "/api/v1/reports/{report_id}/similar";
  return (await dataOf<{ items: SimilarReport[] }>(node.GET(path, { params, signal }))).items;
}
