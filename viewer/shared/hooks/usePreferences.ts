"use client";

import { useCallback, useSyncExternalStore } from "react";
import { getPreferences, putPreferences } from "@/shared/api/api";
import { asProblem } from "@/shared/api/http";
import { type Problem } from "@/shared/api/problem";
import { density } from "@/shared/lib/density";
import { theme } from "@/shared/lib/theme";
import { languages, setLanguage } from "@/shared/i18n/language";
import type { Preferences } from "@/shared/api/types";

/** Of what the node does not take. */
const invalid = 422;

interface Kept {
  chosen: Preferences;
  problem: Problem | null;
  /** Whether the node has answered what was chosen. */
  isKnown: boolean;
}

const usualPanel = { is_open: true, width_px: null };
const usualPanels = { series: usualPanel, results: usualPanel };

const nothing: Preferences = { language: null, theme: null, columns: [], views: [], phrases: [], windows: [], panels: usualPanels, keys: [], hanging: null, density: null, tours: [] };

let kept: Kept = { chosen: nothing, problem: null, isKnown: false };
/** What was chosen before the node had answered what was chosen before. */
let ahead: Partial<Preferences> = {};
/** What the node keeps, as far as it is known. */
let stored: Preferences = nothing;
let loading: Promise<void> | null = null;
const listeners = new Set<() => void>();

function tell(next: Kept): void {
  kept = next;
  for (const listener of listeners) listener();
}

function load(): Promise<void> {
  loading ??= getPreferences().then((known) => {
    stored = known;
    const chosen = { ...known, ...ahead };
    const language = languages.find((known) => known === chosen.language);
    if (language) setLanguage(language);
    if (chosen.theme && chosen.theme !== theme.current()) theme.set(chosen.theme);
    if (chosen.density && chosen.density !== density.current()) density.set(chosen.density);
    tell({ chosen, problem: null, isKnown: true });
  });
  return loading;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  load().catch(() => {
    // The page works without them, and says itself where the node does not answer.
    loading = null;
  });
  return () => listeners.delete(listener);
}

/** What the person has chosen, once the node has answered it. */
export async function chosenPreferences(): Promise<Preferences> {
  await load();
  return kept.chosen;
}

/** Shown at once, and stored as soon as the node takes it. */
export async function choosePreferences(change: Partial<Preferences>): Promise<void> {
  ahead = { ...ahead, ...change };
  tell({ ...kept, chosen: { ...kept.chosen, ...change }, problem: null });
  try {
    // What one page did not know of must not be taken from the others.
    await load();
    const sent = kept.chosen;
    await putPreferences(sent);
    stored = sent;
  } catch (error) {
    const problem = asProblem(error);
    tell({ ...kept, chosen: problem.status === invalid ? withStored(change) : kept.chosen, problem });
  }
}

/** What the node does not take would keep everything that is chosen later from being stored. */
function withStored(change: Partial<Preferences>): Preferences {
  const names = Object.keys(change) as (keyof Preferences)[];
  const again = names.filter((name) => kept.chosen[name] === change[name]);
  const back = Object.fromEntries(again.map((name) => [name, stored[name]]));
  ahead = { ...ahead, ...back };
  return { ...kept.chosen, ...back };
}

/** Shown once the node has taken it; true then. */
export async function savePreferences(change: Partial<Preferences>): Promise<boolean> {
  try {
    await load();
    const sent = { ...kept.chosen, ...change };
    await putPreferences(sent);
    stored = sent;
    ahead = { ...ahead, ...change };
    tell({ ...kept, chosen: { ...kept.chosen, ...change }, problem: null });
    return true;
  } catch (error) {
    tell({ ...kept, problem: asProblem(error) });
    return false;
  }
}

export interface PreferencesNow extends Kept {
  /** Shown at once, and kept on the node; what could not be stored is in `problem`. */
  choose: (change: Partial<Preferences>) => void;
  save: (change: Partial<Preferences>) => Promise<boolean>;
}

/** How the person who reads likes the pages; one for all of them, kept on the node. */
export function usePreferences(): PreferencesNow {
  const now = useSyncExternalStore(subscribe, () => kept, () => kept);
  const choose = useCallback((change: Partial<Preferences>) => void choosePreferences(change), []);
  return { ...now, choose, save: savePreferences };
}
