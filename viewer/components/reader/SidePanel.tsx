import type { ReactNode } from "react";
import { Deliveries } from "@/components/reader/Deliveries";
import { DraftReports } from "@/components/reader/DraftReports";
import { Findings } from "@/components/reader/Findings";
import { Jobs } from "@/components/reader/Jobs";
import { WhyNot } from "@/components/reader/WhyNot";
import type { LoadedMask } from "@/lib/cornerstone";
import type { Finding, StudyDetail } from "@/lib/types";

export function SidePanel({
  study,
  findings,
  masks,
  onShow,
  onChanged,
  children,
}: {
  study: StudyDetail;
  findings: readonly Finding[];
  masks: readonly LoadedMask[];
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
  /** Something was said or ordered: what is shown may be old. */
  onChanged: () => void;
  children: ReactNode;
}) {
  return (
    <aside
      aria-label="AI results"
      className="flex w-[22rem] shrink-0 flex-col border-l border-line bg-panel max-lg:w-full max-lg:border-l-0 2xl:w-[25rem]"
    >
      <p
        data-testid="ai-notice"
        className="border-b border-warn/40 bg-warn/10 px-4 py-2 font-medium text-warn"
      >
        AI, research use only, unverified
      </p>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <Jobs study={study} onChanged={onChanged} />
        <Findings findings={findings} masks={masks} onShow={onShow} onChanged={onChanged} />
        {children}
        <WhyNot study={study} />
        <Deliveries deliveries={study.deliveries} />
        <DraftReports reports={study.reports} />
      </div>
    </aside>
  );
}
