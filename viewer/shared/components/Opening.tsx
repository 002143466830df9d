"use client";

import { Waiting } from "@/shared/components/Waiting";
import { useText } from "@/shared/hooks/useText";

/** In place of a page until it is there. */
export function Opening() {
  const { entry: t } = useText();
  return <Waiting text={t.opening} />;
}
