"use client";

import { useState } from "react";
import { useFetched, type Fetched } from "@/shared/hooks/useFetched";
import type { Page } from "@/shared/api/types";

/** One page of a longer list, and the way to the others. */
export interface Pages<T> {
  fetched: Fetched<Page<T>>;
  size: number;
  offset: number;
  go: (offset: number) => void;
}

/** A list of the node, page by page; from its beginning whenever it is `about` something else. */
export function usePages<T>(
  list: (limit: number, offset: number, signal: AbortSignal) => Promise<Page<T>>,
  about = "",
  size = 50,
): Pages<T> {
  const [place, setPlace] = useState({ about, offset: 0 });
  const offset = place.about === about ? place.offset : 0;
  const fetched = useFetched((signal) => list(size, offset, signal), `${about} ${offset}`);
  return { fetched, size, offset, go: (next) => setPlace({ about, offset: next }) };
}
