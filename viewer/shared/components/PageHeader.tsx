import Link from "next/link";
import type { ReactNode } from "react";
import { Brand } from "@/shared/components/Brand";
import { SignedIn } from "@/shared/components/SignedIn";
import { useText } from "@/shared/hooks/useText";

/** Above the pages beside the list: where one is, the way back to the studies with its key, and who one is. */
export function PageHeader({ leaveBy = "", children }: { leaveBy?: string; children?: ReactNode }) {
  const { common } = useText();
  return (
    <header className="flex flex-wrap items-center gap-4 py-3">
      <Brand />
      {children}
      <span className="ml-auto flex items-center gap-3">
        <Link href="/" prefetch={false} className="control" title={leaveBy && `${common.studies} (${leaveBy})`}>
          {common.studies}
        </Link>
        <SignedIn />
      </span>
    </header>
  );
}
