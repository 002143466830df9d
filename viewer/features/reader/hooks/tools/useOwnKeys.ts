"use client";

import { usePreferences } from "@/shared/hooks/usePreferences";
import { shownKey, type OwnKey } from "@/shared/lib/keys/ownKeys";

const none: readonly OwnKey[] = [];

/** The keys of the reader that this person moved. */
export function useOwnKeys(): readonly OwnKey[] {
  return usePreferences().chosen.keys ?? none;
}

/** What this person presses for a key of the pages. */
export function useShownKey(): (usual: string) => string {
  const own = useOwnKeys();
  return (usual) => shownKey(usual, own);
}
