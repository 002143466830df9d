import { listStudies } from "@/shared/api/api";
import { readListQuery } from "@/shared/lib/listAddress";

const pageSize = 50;

/** The studies of a list in their order, as far as its pages were read. */
export interface StudyQueue {
  /** The list's query as its address carries it, without its page. */
  asked: string;
  /** How many studies stand before the first of these. */
  offset: number;
  uids: readonly string[];
  total: number;
}

let queue: StudyQueue | null = null;

/** What the list shows from now on: the next study is the one below, however the list changes meanwhile. */
export function keepQueue(next: StudyQueue): void {
  queue = next;
}

export interface Place {
  /** Counts from 1, in the whole list. */
  number: number;
  total: number;
  previous: string | null;
  next: string | null;
  /** The studies below, the nearest first. */
  following: readonly string[];
}

/** Where a study stands; null for one that was not opened from a list. */
export function placeIn(list: StudyQueue | null, studyInstanceUid: string): Place | null {
  const at = list?.uids.indexOf(studyInstanceUid) ?? -1;
  if (!list || at < 0) return null;
  return {
    number: list.offset + at + 1,
    total: list.total,
    previous: list.uids[at - 1] ?? null,
    next: list.uids[at + 1] ?? null,
    following: list.uids.slice(at + 1, at + 4),
  };
}

/** The queue with the page before it or after it, where the study stands at its end; else as it was. */
export async function extended(list: StudyQueue, studyInstanceUid: string, signal: AbortSignal): Promise<StudyQueue> {
  const at = list.uids.indexOf(studyInstanceUid);
  const after = list.offset + list.uids.length;
  const read = async (offset: number, limit: number) => {
    const query = { ...readListQuery(new URLSearchParams(list.asked)), offset, limit };
    return (await listStudies(query, signal)).items.map((study) => study.study_instance_uid);
  };
  if (at === list.uids.length - 1 && after < list.total) {
    const more = await read(after, pageSize);
    return { ...list, uids: [...list.uids, ...more.filter((uid) => !list.uids.includes(uid))] };
  }
  if (at === 0 && list.offset > 0) {
    const offset = Math.max(0, list.offset - pageSize);
    const more = await read(offset, list.offset - offset);
    return { ...list, offset, uids: [...more.filter((uid) => !list.uids.includes(uid)), ...list.uids] };
  }
  return list;
}

export function currentQueue(): StudyQueue | null {
  return queue;
}
