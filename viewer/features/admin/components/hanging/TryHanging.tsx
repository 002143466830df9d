"use client";

import { useMemo, useState } from "react";
import { thumbnailUrl } from "@/dicom/dicomweb";
import { useImageViews } from "@/features/reader/hooks/stage/useImageViews";
import { useOtherStudies } from "@/features/reader/hooks/useOtherStudies";
import { hangStudy } from "@/features/reader/lib/layout/hanging";
import { getStudy, listStudies } from "@/shared/api/api";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { dateText } from "@/shared/lib/format";
import { wholeList } from "@/shared/lib/listAddress";
import type { HangingProtocol, StudyDetail } from "@/shared/api/types";

const newest = 30;

/** What the protocol, as it is written now, makes of a study of the node. */
export function TryHanging({ protocol, layoutAt }: { protocol: HangingProtocol; layoutAt: number }) {
  const { hangingProtocols: t } = useText();
  const [uid, setUid] = useState("");
  const listed = useFetched((signal) => listStudies({ ...wholeList, limit: newest }, signal));
  const fetched = useFetched<StudyDetail | null>(async (signal) => (uid ? getStudy(uid, signal) : null), uid);
  const study = fetched.value?.study_instance_uid === uid ? fetched.value : null;
  return (
    <section className="space-y-2">
      <label className="block text-xs text-dim">
        {t.tryWith}
        <select className="control mt-1 w-full max-w-2xl text-ink" data-testid="try-study" value={uid} onChange={(event) => setUid(event.target.value)}>
          <option value="">{t.noStudy}</option>
          {listed.value?.items.map((one) => (
            <option key={one.study_instance_uid} value={one.study_instance_uid}>
              {[dateText(one.study_date), one.modalities.join("/"), one.study_description, one.accession_number].filter(Boolean).join(" · ")}
            </option>
          ))}
        </select>
      </label>
      {fetched.problem && <ProblemNote problem={fetched.problem} />}
      {study && <Hung study={study} protocol={protocol} layoutAt={layoutAt} />}
    </section>
  );
}

function Hung({ study, protocol, layoutAt }: { study: StudyDetail; protocol: HangingProtocol; layoutAt: number }) {
  const { hangingProtocols: t } = useText();
  const protocols = useMemo(() => [protocol], [protocol]);
  const others = useOtherStudies(study);
  const views = useImageViews(protocols, study, others);
  if (!others.settled || !views.settled) return <p className="text-dim">{t.trying}</p>;
  const hung = hangStudy(protocols, { study, others: others.others, viewsOf: views.of, preferred: null });
  if (!hung) return <p role="status" className="text-warn" data-testid="try-result">{t.doesNotApply}</p>;
  const wanted = layoutAt === 0 ? hung.stages[0] : hung.stages.find(({ name }) => name === protocol.stages[layoutAt - 1]?.name);
  if (!wanted) return <p role="status" className="text-warn" data-testid="try-result">{t.stageLeftOut}</p>;
  const { rows, columns, cells } = wanted.arrangement;
  const all = [study, ...others.others];
  return (
    <div
      data-testid="try-result"
      className="grid aspect-video w-full max-w-2xl gap-1 rounded-md bg-line p-1"
      style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridTemplateRows: `repeat(${rows}, minmax(0, 1fr))` }}
    >
      {cells.slice(0, rows * columns).map((cell, index) => {
        const of = all.find((one) => one.study_instance_uid === cell?.studyInstanceUid);
        const series = of?.series.find((one) => one.series_instance_uid === cell?.seriesInstanceUid);
        return (
          <figure key={index} data-testid="try-viewport" className="flex min-h-0 flex-col items-center overflow-hidden rounded bg-black p-1 text-xs text-white">
            {cell && series ? (
              <>
                {/* A picture that the node renders; there is nothing to optimise in a static export. */}
                {/* eslint-disable-next-line @next/next/no-img-element */}
                <img alt="" className="min-h-0 flex-1 object-contain" src={thumbnailUrl(cell.studyInstanceUid, cell.seriesInstanceUid)} />
                <figcaption className="w-full truncate text-center">
                  {[of !== study && of ? dateText(of.study_date) : "", series.modality, series.series_description, cell.images ? t.images(cell.images.length) : ""]
                    .filter(Boolean)
                    .join(" ")}
                </figcaption>
              </>
            ) : (
              <figcaption className="m-auto text-center opacity-70">{t.empty}</figcaption>
            )}
          </figure>
        );
      })}
    </div>
  );
}
