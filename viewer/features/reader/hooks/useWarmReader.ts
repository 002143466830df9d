"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Long enough for the list itself to be there, and shorter than choosing a study takes. */
const afterMs = 1000;

/** Fetches and compiles the reader's code while the list is read, so that a study opens sooner. */
export function useWarmReader(): void {
  const router = useRouter();
  useEffect(() => {
    const timer = setTimeout(() => {
      router.prefetch("/study/");
      // The build makes the pages without a browser: what is left out there is compiled once, not twice.
      if (typeof window !== "undefined") {
        const reader = import(/* webpackChunkName: "reader" */ "@/features/reader/components/Reader");
        Promise.all([reader, import("@/cornerstone")]).then(
          async ([, cornerstone]) => {
            await cornerstone.start();
            performance.mark("reader-warm");
          },
          () => undefined,
        );
      }
    }, afterMs);
    return () => clearTimeout(timer);
  }, [router]);
}
