"use client";

import { type ReactNode, useState } from "react";
import { Alerts } from "@/features/reader/components/findings/Alerts";
import { Deliveries } from "@/features/reader/components/jobs/Deliveries";
import { OtherArchives } from "@/features/reader/components/OtherArchives";
import { Findings } from "@/features/reader/components/findings/Findings";
import { Jobs } from "@/features/reader/components/jobs/Jobs";
import { Tabs } from "@/features/reader/components/Tabs";
import { ReasonsNotRun } from "@/features/reader/components/jobs/ReasonsNotRun";
import { ReportTab } from "@/features/report/components/ReportTab";
import { maskOfFinding } from "@/features/reader/lib/findings/maskOfFinding";
import type { HeatMaps } from "@/features/reader/hooks/findings/useHeatMaps";
import type { GoTo } from "@/features/reader/hooks/stage/useGoTo";
import { useOwnKeys } from "@/features/reader/hooks/tools/useOwnKeys";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { useText } from "@/shared/hooks/useText";
import { focusHome } from "@/shared/lib/keys/focus";
import { isForReport } from "@/shared/lib/dragTypes";
import type { Insertable, Insertion } from "@/features/report/lib/reportText";
import type { LoadedMask } from "@/cornerstone";
import type { Finding, StudyDetail } from "@/shared/api/types";

type Tab = "findings" | "report";

export function SidePanel({
  study,
  priors,
  findings,
  masks,
  insertions,
  measurements,
  heatMaps,
  onShow,
  onShowImageOf,
  onShowImage,
  onChanged,
  onOpen,
  onToReport,
  children,
}: {
  study: StudyDetail;
  priors: readonly StudyDetail[];
  findings: readonly Finding[];
  masks: readonly LoadedMask[];
  /** What was put into the report from beside it, the newest last. */
  insertions: readonly Insertion[];
  /** What was measured, to be put in at a place. */
  measurements: readonly Insertable[];
  heatMaps: HeatMaps;
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
  onShowImageOf: (finding: Finding) => void;
  onShowImage: GoTo;
  /** Feedback was given, or something ordered: what is shown may be old. */
  onChanged: () => void;
  /** Something in here is to be seen. */
  onOpen: () => void;
  /** Puts what a finding says into the report. */
  onToReport: (finding: Finding) => void;
  children: ReactNode;
}) {
  const { report: t, reader } = useText();
  const [tab, setTab] = useState<Tab>("findings");
  const [inserted, setInserted] = useState(0);
  if (insertions.length > inserted) {
    setInserted(insertions.length);
    setTab("report");
    onOpen();
  }
  const show = (next: Tab) => {
    setTab(next);
    onOpen();
  };
  const showByKey = (next: Tab) => {
    show(next);
    // The next Tab is the first thing within.
    requestAnimationFrame(() => document.getElementById(`panel-${next}`)?.focus({ preventScroll: true }));
  };
  useHotkeys({ F: () => showByKey("findings"), R: () => showByKey("report") }, useOwnKeys());
  const drawn = new Set(masks.map((mask) => mask.sopInstanceUid));
  const showFinding = (finding: Finding) => {
    const at = maskOfFinding(finding, drawn);
    if (at) onShow(at.sop_instance_uid, at.segment_number);
    else if (finding.image) onShowImageOf(finding);
  };
  return (
    <aside
      aria-label={reader.results}
      className="flex min-h-0 flex-1 flex-col"
    >
      <p
        data-testid="results-notice"
        className="border-b border-warn/40 bg-warn/10 px-4 py-1.5 text-[0.8125rem] font-medium text-warn"
      >
        {reader.notice}
      </p>
      <Alerts study={study} onChanged={onChanged} />
      <Tabs
        label={reader.results}
        tabs={[
          { key: "findings", word: t.findingsTab, hint: "Shift+F" },
          { key: "report", word: t.tab, hint: "Shift+R" },
        ]}
        chosen={tab}
        onChoose={setTab}
        onDragTo={isForReport}
      />
      {/* Both stay: a text that is being written must not be lost by a look at the findings. */}
      <div id="panel-findings" role="tabpanel" tabIndex={-1} {...{ [focusHome]: "" }} aria-labelledby="tab-findings" hidden={tab !== "findings"} className="min-h-0 flex-1 overflow-y-auto focus-visible:-outline-offset-2">
        <Jobs study={study} onChanged={onChanged} />
        <ReasonsNotRun study={study} />
        <Findings
          study={study}
          findings={findings}
          masks={masks}
          onShow={onShow}
          onShowImageOf={onShowImageOf}
          heatMaps={heatMaps}
          onShowImage={onShowImage}
          onChanged={onChanged}
          onToReport={onToReport}
        />
        {children}
        <OtherArchives study={study.study_instance_uid} onFetched={onChanged} />
        <Deliveries study={study} onChanged={onChanged} />
      </div>
      <div id="panel-report" role="tabpanel" tabIndex={-1} {...{ [focusHome]: "" }} aria-labelledby="tab-report" hidden={tab !== "report"} className="min-h-0 flex-1 overflow-y-auto focus-visible:-outline-offset-2">
        <ReportTab
          study={study}
          priors={priors}
          findings={findings}
          insertions={insertions}
          measurements={measurements}
          onShow={showFinding}
          onChanged={onChanged}
        />
      </div>
    </aside>
  );
}
