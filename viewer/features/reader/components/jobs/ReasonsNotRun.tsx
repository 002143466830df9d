import { Conditions } from "@/features/reader/components/jobs/Conditions";
import { isImageSeries } from "@/dicom/segmentation/seg";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { reasonLanguage, reasonText } from "@/shared/lib/reasons";
import { refusals } from "@/shared/lib/state";
import type { StudyDetail } from "@/shared/api/types";

/** One chip: how many pipelines did not run; unfolded, which and why. */
export function ReasonsNotRun({ study }: { study: StudyDetail }) {
  const { reader: t } = useText();
  const titles = usePipelineTitles();
  // No model is meant to take a document or a result: that says nothing of the study.
  const images = new Set(study.series.filter(isImageSeries).map(({ series_instance_uid: uid }) => uid));
  const refused = refusals(study.decisions.filter((one) => images.has(one.series_instance_uid)));
  if (refused.length === 0) return null;
  const names = new Map(
    study.series.map((series) => [
      series.series_instance_uid,
      series.series_description || t.seriesNumber(String(series.series_number ?? "")),
    ]),
  );
  return (
    <details data-testid="not-run" className="border-b border-line px-4 py-2">
      <summary
        title={t.notRunHint}
        className="inline-block list-none rounded-full border border-line-strong px-2.5 py-0.5 text-xs text-dim hover:text-ink [&::-webkit-details-marker]:hidden"
      >
        {t.notRun(new Set(refused.map(({ pipeline }) => pipeline)).size)}
        <span aria-hidden="true" className="ml-1">▾</span>
      </summary>
      <h2 className="section-title mt-3 mb-2">{t.whyNot}</h2>
      <ul className="space-y-2.5">
        {refused.map(({ pipeline, reason, reasonParts, seriesInstanceUids }) => (
          <li key={`${pipeline}${reason}`} className="[overflow-wrap:anywhere]">
            <span className="font-medium">{titles.of(pipeline)}</span>{" "}
            <span className="line-clamp-2 text-xs text-dim">
              {seriesInstanceUids.map((uid) => names.get(uid) ?? t.aSeries).join(", ")}
            </span>
            <p lang={reasonLanguage(reason, reasonParts)} className="text-ink/90" data-testid="decision-reason">
              {reasonText(reason, reasonParts)}
            </p>
            <Conditions
              studyInstanceUid={study.study_instance_uid}
              pipeline={pipeline}
              title={titles.of(pipeline)}
              seriesInstanceUids={seriesInstanceUids}
              names={names}
            />
          </li>
        ))}
      </ul>
    </details>
  );
}
