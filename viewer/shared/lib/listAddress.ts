import { studyStates } from "@/shared/lib/state";
import type { StudyState } from "@/shared/api/types";

export const sortKeys = [
  "received_at",
  "updated_at",
  "study_date",
  "patient_name",
  "patient_id",
  "accession_number",
] as const;
export const reportFilters = ["none", "draft", "preliminary", "final", "amended"] as const;
export type ReportFilter = (typeof reportFilters)[number];
export type SortKey = (typeof sortKeys)[number];

/** Which studies the list shows, and in which order; it lives in the list's address. */
export interface ListQuery {
  text: string;
  offset: number;
  modalities: string[];
  states: StudyState[];
  reports: ReportFilter[];
  /** Only with a critical finding that nobody has acknowledged. */
  critical: boolean;
  /** Only with results that leave once a person has released them. */
  awaitingRelease: boolean;
  /** Only those that the person who is signed in reads. */
  mine: boolean;
  /** ISO dates; empty: any. */
  from: string;
  to: string;
  sort: SortKey;
  /** Empty: times and dates fall and names rise. */
  order: "asc" | "desc" | "";
}

export const wholeList: ListQuery = {
  text: "",
  offset: 0,
  modalities: [],
  states: [],
  reports: [],
  critical: false,
  awaitingRelease: false,
  mine: false,
  from: "",
  to: "",
  sort: "received_at",
  order: "",
};

let left = "";

export function readListQuery(parameters: URLSearchParams): ListQuery {
  const offset = Number(parameters.get("offset"));
  const date = (name: string) => /^\d{4}-\d{2}-\d{2}$/.exec(parameters.get(name) ?? "")?.[0] ?? "";
  const order = parameters.get("order");
  return {
    text: parameters.get("q") ?? "",
    offset: Number.isSafeInteger(offset) && offset > 0 ? offset : 0,
    modalities: parameters.getAll("modality").filter((one) => /^[A-Z0-9_]{1,16}$/.test(one)),
    states: studyStates.filter((one) => parameters.getAll("state").some((given) => given.toLowerCase() === one)),
    reports: reportFilters.filter((one) => parameters.getAll("report").includes(one)),
    critical: parameters.get("critical") === "1",
    awaitingRelease: parameters.get("awaiting_release") === "1",
    mine: parameters.get("reader") === "me",
    from: date("from"),
    to: date("to"),
    sort: sortKeys.find((one) => one === parameters.get("sort")) ?? "received_at",
    order: order === "asc" || order === "desc" ? order : "",
  };
}

/** The query as the address carries it; what is as it always is stays out. */
export function listParameters(query: ListQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  if (query.text) parameters.set("q", query.text);
  for (const one of query.modalities) parameters.append("modality", one);
  for (const one of query.states) parameters.append("state", one);
  for (const one of query.reports) parameters.append("report", one);
  if (query.critical) parameters.set("critical", "1");
  if (query.awaitingRelease) parameters.set("awaiting_release", "1");
  if (query.mine) parameters.set("reader", "me");
  if (query.from) parameters.set("from", query.from);
  if (query.to) parameters.set("to", query.to);
  if (query.sort !== "received_at") parameters.set("sort", query.sort);
  if (query.order) parameters.set("order", query.order);
  if (query.offset > 0) parameters.set("offset", String(query.offset));
  return parameters;
}

/** The address of the list, remembered so that the reader can return to it. */
export function listAddress(query: ListQuery): string {
  const parameters = listParameters(query);
  left = parameters.size > 0 ? `?${parameters}` : "";
  return `/${left}`;
}

/** The list as it was left, at the row of this study. */
export function returnAddress(studyInstanceUid: string): string {
  return `/${left}#${studyInstanceUid}`;
}

export function isFiltered(query: ListQuery): boolean {
  const { modalities, states, reports, critical, awaitingRelease, mine, from, to } = query;
  return Boolean(
    modalities.length || states.length || reports.length || critical || awaitingRelease || mine || from || to,
  );
}

const risesFirst = new Set<SortKey>(["patient_name", "patient_id", "accession_number"]);

/** Which way the list is sorted now. */
export function direction({ sort, order }: ListQuery): "asc" | "desc" {
  return order || (risesFirst.has(sort) ? "asc" : "desc");
}

/** Sorted by this, or the other way round where it is so already; from the first page. */
export function sortedBy(query: ListQuery, sort: SortKey): ListQuery {
  if (query.sort !== sort) return { ...query, sort, order: "", offset: 0 };
  return { ...query, order: direction(query) === "asc" ? "desc" : "asc", offset: 0 };
}
