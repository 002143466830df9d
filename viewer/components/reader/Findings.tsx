import { Section } from "@/components/reader/Section";
import type { LoadedMask } from "@/lib/cornerstone";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import { measurement, unitSymbol } from "@/lib/format";
import { byPipeline } from "@/lib/state";
import type { Finding } from "@/lib/types";

export function Findings({
  findings,
  masks,
  onShow,
}: {
  findings: readonly Finding[];
  masks: readonly LoadedMask[];
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
}) {
  const titles = usePipelineTitles();
  const drawn = new Set(masks.map((mask) => mask.sopInstanceUid));
  return (
    <Section title="Findings">
      {findings.length === 0 && <p className="text-dim">None yet.</p>}
      {byPipeline(findings).map(([pipeline, group]) => (
        <div key={pipeline} className="mt-2 first:mt-0">
          <ul className="space-y-2">
            {group.map((finding) => (
              <FindingItem
                key={finding.finding_id}
                finding={finding}
                drawn={drawn.has(finding.segmentation?.sop_instance_uid ?? "")}
                onShow={onShow}
              />
            ))}
          </ul>
          <p className="mt-1.5 text-xs text-dim">
            By {titles.of(group[0]?.pipeline ?? "")}, version {group[0]?.pipeline_version}
          </p>
        </div>
      ))}
    </Section>
  );
}

function FindingItem({
  finding,
  drawn,
  onShow,
}: {
  finding: Finding;
  drawn: boolean;
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
}) {
  const { segmentation: reference } = finding;
  const content = (
    <>
      <span className="flex items-center gap-2">
        {reference && (
          <span
            aria-hidden="true"
            className="size-3 shrink-0 rounded-sm"
            style={{ backgroundColor: `rgb(${reference.color_rgb.join(" ")})` }}
          />
        )}
        <span className="flex-1">{finding.label}</span>
        {finding.value !== null && (
          <span
            className="text-lg font-semibold whitespace-nowrap"
            data-testid="finding-value"
            data-value={finding.value}
            data-unit={finding.unit?.value ?? ""}
          >
            {measurement(finding.value)}
            <span className="ml-1 text-sm font-normal">{unitSymbol(finding.unit?.value ?? "")}</span>
          </span>
        )}
      </span>
      <span className="mt-0.5 flex justify-between gap-3 text-xs text-dim">
        <span>{finding.tracking_identifier}</span>
        {finding.confidence !== null && (
          <span>confidence {Math.round(finding.confidence * 100)} %</span>
        )}
      </span>
    </>
  );
  return (
    <li data-testid="finding">
      {reference && drawn ? (
        <button
          type="button"
          title="Show it in the image"
          className="block w-full rounded-md border border-line bg-raised px-3 py-2 text-left hover:border-line-strong"
          onClick={() => onShow(reference.sop_instance_uid, reference.segment_number)}
        >
          {content}
        </button>
      ) : (
        <div className="rounded-md border border-line px-3 py-2">{content}</div>
      )}
    </li>
  );
}
