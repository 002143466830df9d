"use client";

import { useEffect } from "react";
import { useAsked, type Asked } from "@/shared/hooks/useAsked";
import { getSession, goToSignIn, type Session } from "@/shared/api/session";

/** Who one is, asked anew; who is not signed in is led to where one is. */
export function useOwnSession(): Asked<Session> {
  const asked = useAsked(() => getSession(true));
  const { value } = asked;
  useEffect(() => {
    if (value && !value.signed_in) goToSignIn();
  }, [value]);
  return asked;
}
