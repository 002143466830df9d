"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { Opening } from "@/shared/components/Opening";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { addressOfShared } from "@/features/reader/lib/sharing/openedView";
import { openSharedView } from "@/features/reader/lib/sharing/sharedViews";

/** Opens the view of a link, or states in a sentence why it does not. */
export function OpenedView({ id }: { id: string }) {
  const { common, viewing: t } = useText();
  const { value: shared, problem, reload } = useFetched((signal) => openSharedView(id, signal), id);
  const router = useRouter();
  useEffect(() => {
    if (shared) router.replace(addressOfShared(shared));
  }, [shared, router]);
  const reasons: Partial<Record<number, string>> = { 404: t.sharing.unknown, 410: t.sharing.over, 422: t.sharing.unknown };
  const reason = reasons[problem?.status ?? 0];
  if (!problem) return <Opening />;
  return (
    <main className="mx-auto max-w-2xl space-y-4 p-10" data-testid="shared-view">
      {reason ? (
        <p role="alert" className="text-base">
          {reason}
        </p>
      ) : (
        <ProblemNote problem={problem} onRetry={reload} />
      )}
      <Link href="/" prefetch={false} className="control inline-block">
        {common.studies}
      </Link>
    </main>
  );
}
