"use client";

import Link from "next/link";
import { useFhircast, type CastNotice } from "@/features/fhircast/hooks/useFhircast";
import { useText } from "@/shared/hooks/useText";

/** On every page: follows what other systems open, and says so. */
export function FhircastNotice() {
  const { notice, dismiss } = useFhircast();
  const { fhircast: t, common } = useText();
  if (!notice) return null;
  return (
    <div
      role="status"
      data-testid="fhircast-notice"
      className="fixed inset-x-0 bottom-4 z-50 mx-auto flex w-fit max-w-[90vw] items-center gap-4 rounded-md border border-line bg-raised px-4 py-2 text-sm shadow-lg"
    >
      <span className="min-w-0 break-words">{sentence(notice, t)}</span>
      {notice.kind === "opened" && (
        <Link href={notice.back} prefetch={false} className="text-accent" onClick={dismiss}>
          {t.back}
        </Link>
      )}
      <button type="button" className="control" onClick={dismiss}>
        {common.close}
      </button>
    </div>
  );
}

function sentence(notice: CastNotice, t: ReturnType<typeof useText>["fhircast"]): string {
  if (notice.kind === "syncError") return t.syncError(notice.stated);
  return t[notice.kind];
}
