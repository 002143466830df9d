"use client";

import { Badge } from "@/shared/components/Badge";
import { Expectations } from "@/features/admin/components/studies/Expectations";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { getStudy } from "@/shared/api/api";
import { deleteFromNode } from "@/dicom/dicomweb";
import { number } from "@/shared/lib/format";
import type { SeriesSummary } from "@/shared/api/types";
import { completion } from "@/features/admin/lib/storedStudiesApi";

/** The series of one study, each with what was announced of it. */
export function StoredSeries({ studyInstanceUid, onChanged }: { studyInstanceUid: string; onChanged: () => void }) {
  const { storedStudies, common, admin: t } = useText();
  const fetched = useFetched((signal) => getStudy(studyInstanceUid, signal), studyInstanceUid);
  return (
    <Answer fetched={fetched}>
      {({ series }) => (
        <Grid
          label={storedStudies.series}
          columns={[storedStudies.series, t.stateWord, storedStudies.arrived, storedStudies.announced, common.actions]}
          empty=""
        >
          {series.map((one) => (
            <SeriesRow
              key={one.series_instance_uid}
              studyInstanceUid={studyInstanceUid}
              series={one}
              onChanged={() => {
                fetched.reload();
                onChanged();
              }}
            />
          ))}
        </Grid>
      )}
    </Answer>
  );
}

function SeriesRow({
  studyInstanceUid,
  series,
  onChanged,
}: {
  studyInstanceUid: string;
  series: SeriesSummary;
  onChanged: () => void;
}) {
  const { storedStudies, states } = useText();
  const action = useAction(onChanged);
  const { series_instance_uid: uid } = series;
  const name = series.series_description || uid;
  return (
    <tr data-testid="stored-series" data-series={uid} data-state={series.state}>
      <td className="max-w-80 [overflow-wrap:anywhere]">
        <span className="text-dim">{series.modality}</span> {series.series_number} {series.series_description}
        <div className="max-w-64 truncate font-mono text-xs text-dim" title={uid}>
          {uid}
        </div>
      </td>
      <td>
        <Badge word={states.study[series.state]} tone={series.state === "complete" ? "good" : "busy"} />
      </td>
      <td>{number(series.instance_count)}</td>
      <td>
        {/* Nobody announces what the node makes itself. */}
        {series.origin === "received" && (
          <Expectations
            studyInstanceUid={studyInstanceUid}
            seriesInstanceUid={uid}
            name={name}
            onChanged={onChanged}
          />
        )}
      </td>
      <td>
        <div className="flex flex-wrap gap-1.5">
          {series.state === "receiving" && (
            <button
              type="button"
              className="control px-2 py-0.5"
              aria-label={`${storedStudies.completeNow}: ${name}`}
              disabled={action.busy}
              onClick={() => void action.run(() => completion.ofSeries(studyInstanceUid, uid))}
            >
              {storedStudies.completeNow}
            </button>
          )}
          <SureButton
            word={storedStudies.deleteSeries}
            label={`${storedStudies.deleteSeries}: ${name}`}
            busy={action.busy}
            onSure={() => void action.run(() => deleteFromNode(studyInstanceUid, uid))}
          />
        </div>
        {action.problem && <ProblemNote problem={action.problem} />}
      </td>
    </tr>
  );
}
