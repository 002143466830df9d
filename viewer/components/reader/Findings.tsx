"use client";

import { useState } from "react";
import { FindingDetail } from "@/components/reader/FindingDetail";
import { FindingTable } from "@/components/reader/FindingTable";
import { Section } from "@/components/reader/Section";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import type { LoadedMask } from "@/lib/cornerstone";
import { count } from "@/lib/format";
import { byStructure } from "@/lib/structures";
import type { Finding } from "@/lib/types";

/** Findings by pipeline and structure; the one that is chosen is shown in the image and judged. */
export function Findings({
  findings,
  masks,
  onShow,
  onChanged,
}: {
  findings: readonly Finding[];
  masks: readonly LoadedMask[];
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
  onChanged: () => void;
}) {
  const titles = usePipelineTitles();
  const [chosenId, setChosenId] = useState<string | null>(null);
  const drawn = new Set(masks.map((mask) => mask.sopInstanceUid));
  const show = ({ segmentation: at }: Finding) => {
    if (at && drawn.has(at.sop_instance_uid)) onShow(at.sop_instance_uid, at.segment_number);
  };
  const choose = (finding: Finding) => {
    if (finding.finding_id === chosenId) {
      setChosenId(null);
      return;
    }
    setChosenId(finding.finding_id);
    show(finding);
  };
  const detail = (finding: Finding) => (
    <FindingDetail
      key={finding.finding_id}
      finding={finding}
      onShow={
        drawn.has(finding.segmentation?.sop_instance_uid ?? "") ? () => show(finding) : undefined
      }
      onChanged={onChanged}
    />
  );
  return (
    <Section title="Findings">
      {findings.length === 0 && <p className="text-dim">None yet.</p>}
      {byStructure(findings).map((group) => (
        <details
          key={group.key}
          open
          data-testid="finding-group"
          data-pipeline={group.pipeline}
          className="mt-3 first-of-type:mt-0"
        >
          <summary className="rounded font-medium">
            {titles.of(group.pipeline)}{" "}
            <span className="text-xs font-normal text-dim">
              {group.version} · {count(group.count, "finding")}
            </span>
          </summary>
          <FindingTable
            title={titles.of(group.pipeline)}
            structures={group.structures}
            chosenId={chosenId}
            onChoose={choose}
            detail={detail}
          />
        </details>
      ))}
    </Section>
  );
}
