"use client";

import { useState } from "react";
import { AlgorithmFamily } from "@/features/reader/components/findings/AlgorithmFamily";
import { AcceptOpen } from "@/features/reader/components/findings/AcceptOpen";
import { FindingDetail } from "@/features/reader/components/findings/FindingDetail";
import { FindingTable } from "@/features/reader/components/findings/FindingTable";
import { HeatMapControls } from "@/features/reader/components/findings/HeatMapControls";
import { LesionTable } from "@/features/reader/components/findings/LesionTable";
import { ModelCardButton } from "@/features/reader/components/findings/ModelCard";
import { Section } from "@/features/reader/components/Section";
import { maskOfFinding } from "@/features/reader/lib/findings/maskOfFinding";
import type { HeatMaps } from "@/features/reader/hooks/findings/useHeatMaps";
import type { GoTo } from "@/features/reader/hooks/stage/useGoTo";
import { useLesions } from "@/features/reader/hooks/findings/useLesions";
import { useTrends } from "@/features/reader/hooks/findings/useTrends";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import type { LoadedMask } from "@/cornerstone";
import { number } from "@/shared/lib/format";
import { byStructure, inTableOrder, openFindings } from "@/features/reader/lib/masks/structures";
import type { Finding, StudyDetail } from "@/shared/api/types";

/** Findings by pipeline and structure; the one that is chosen is shown in the image and judged. */
export function Findings({
  study,
  findings,
  masks,
  heatMaps,
  onShow,
  onShowImageOf,
  onShowImage,
  onChanged,
  onToReport,
}: {
  study: StudyDetail;
  findings: readonly Finding[];
  masks: readonly LoadedMask[];
  heatMaps: HeatMaps;
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
  onShowImageOf: (finding: Finding) => void;
  onShowImage: GoTo;
  onChanged: () => void;
  onToReport: (finding: Finding) => void;
}) {
  const { reader: t, common } = useText();
  const titles = usePipelineTitles();
  const [chosenId, setChosenId] = useState<string | null>(null);
  const [byKey, setByKey] = useState(false);
  const trends = useTrends(study.study_instance_uid, chosenId !== null);
  const { courses, reload } = useLesions(study.study_instance_uid);
  const drawn = new Set(masks.map((mask) => mask.sopInstanceUid));
  const show = (finding: Finding) => {
    const at = maskOfFinding(finding, drawn);
    if (at) onShow(at.sop_instance_uid, at.segment_number);
    else if (finding.image) onShowImageOf(finding);
  };
  const choose = (finding: Finding) => {
    if (finding.finding_id === chosenId) {
      setChosenId(null);
      return;
    }
    setChosenId(finding.finding_id);
    setByKey(false);
    show(finding);
  };
  const groups = byStructure(findings);
  const step = (by: 1 | -1) => {
    const order = inTableOrder(groups);
    const at = order.findIndex((finding) => finding.finding_id === chosenId);
    const next = at < 0 ? order.at(by > 0 ? 0 : -1) : order[(at + by + order.length) % order.length];
    if (!next) return;
    setChosenId(next.finding_id);
    setByKey(true);
    show(next);
  };
  useHotkeys({ "Ctrl+arrowdown": () => step(1), "Ctrl+arrowup": () => step(-1) });
  const detail = (finding: Finding) => (
    <FindingDetail
      key={finding.finding_id}
      finding={finding}
      study={study}
      findings={findings}
      trends={trends}
      takesFocus={byKey}
      onShow={
        finding.image || drawn.has(finding.segmentation?.sop_instance_uid ?? "")
          ? () => show(finding)
          : undefined
      }
      onToReport={() => onToReport(finding)}
      onChanged={() => {
        onChanged();
        // The table of lesions goes by the feedback.
        reload();
      }}
    />
  );
  return (
    <Section title={t.findings}>
      {findings.length === 0 && <p className="text-dim">{t.noneYet}</p>}
      {groups.map((group) => (
        <details
          key={group.key}
          open
          data-testid="finding-group"
          data-pipeline={group.pipeline}
          className="mt-3 first-of-type:mt-0"
        >
          <summary className="rounded py-0.5 font-medium">
            {titles.of(group.pipeline)}{" "}
            <span className="text-xs font-normal text-dim">
              {group.version} · {common.findings(number(group.count), group.count === 1)}
              <AlgorithmFamily pipeline={group.pipeline} version={group.version} />
            </span>
          </summary>
          <div className="mt-1.5 flex flex-wrap gap-2">
            <AcceptOpen findings={openFindings(group)} onChanged={onChanged} />
            <ModelCardButton
              pipeline={group.pipeline}
              version={group.version}
              title={titles.of(group.pipeline)}
            />
          </div>
          <HeatMapControls
            findings={inTableOrder([group])}
            heatMaps={heatMaps}
            onGoTo={({ image, heat_map: heatMap, source_series_instance_uid: seriesInstanceUid }) => {
              if (image) onShowImage(image.sop_instance_uid, heatMap?.frame_number ?? 1, seriesInstanceUid);
            }}
          />
          <FindingTable
            title={titles.of(group.pipeline)}
            structures={group.structures}
            chosenId={chosenId}
            onChoose={choose}
            detail={detail}
          />
        </details>
      ))}
      {courses.map((course) => (
        <LesionTable key={course.pipeline} course={course} onChanged={reload} />
      ))}
    </Section>
  );
}
