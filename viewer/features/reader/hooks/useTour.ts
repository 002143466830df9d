"use client";

import { useEffect, useState } from "react";
import { isTourDue, tourStops, withTour, type TourStop } from "@/features/reader/lib/layout/tour";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { getSession, type Session } from "@/shared/api/session";

export interface Tour {
  /** Null while none is shown. */
  stop: TourStop | null;
  number: number;
  begin: () => void;
  next: () => void;
  /** Ends it, and it is not shown by itself again. */
  end: () => void;
}

/** The short tour of the reader: at a person's first visit, or when it is asked for. */
export function useTour(): Tour {
  const { chosen, isKnown, choose } = usePreferences();
  const [session, setSession] = useState<Session | null>(null);
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    getSession().then(setSession, () => undefined);
  }, []);
  const shown = at ?? (isTourDue(session, isKnown ? chosen : null) ? 0 : null);
  const stop = shown === null ? null : (tourStops[shown] ?? null);
  useEffect(() => {
    const { dataset } = document.documentElement;
    if (stop) dataset.tourStop = stop;
    return () => {
      delete dataset.tourStop;
    };
  }, [stop]);
  const end = () => {
    setAt(tourStops.length);
    choose({ tours: withTour(chosen.tours) });
  };
  return {
    stop,
    number: (shown ?? 0) + 1,
    begin: () => setAt(0),
    next: () => (shown !== null && shown + 1 < tourStops.length ? setAt(shown + 1) : end()),
    end,
  };
}
