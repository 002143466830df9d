"use client";

import { useSearchParams } from "next/navigation";
import { useSyncExternalStore } from "react";
import { listAddress, readListQuery, type ListQuery } from "@/shared/lib/listAddress";

const followers = new Set<() => void>();

function follow(onChange: () => void): () => void {
  followers.add(onChange);
  return () => void followers.delete(onChange);
}

function show(query: ListQuery): void {
  window.history.replaceState(null, "", listAddress(query));
  for (const onChange of followers) onChange();
}

/**
 * What the list shows, read from the address itself: the router tells of a change a moment later,
 * and two filters set within that moment would undo one another.
 */
export function useListQuery(): [ListQuery, (query: ListQuery) => void] {
  const routed = useSearchParams();
  const search = useSyncExternalStore(
    follow,
    () => window.location.search,
    () => String(routed),
  );
  return [readListQuery(new URLSearchParams(search)), show];
}
