"use client";

import { useEffect } from "react";
import { useFetched, type Fetched } from "@/shared/hooks/useFetched";
import { getSession, goToSignIn, type Session } from "@/shared/api/session";

/** Who one is, fetched again; who is not signed in is led to where one is. */
export function useOwnSession(): Fetched<Session> {
  const fetched = useFetched(() => getSession(true));
  const { value } = fetched;
  useEffect(() => {
    if (value && !value.signed_in) goToSignIn();
  }, [value]);
  return fetched;
}
