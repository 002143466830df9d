"use client";

import { Badge } from "@/shared/components/Badge";
import { Expectations } from "@/features/admin/components/studies/Expectations";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAsked } from "@/shared/hooks/useAsked";
import { useOrder } from "@/shared/hooks/useOrder";
import { useText } from "@/shared/hooks/useText";
import { getStudy } from "@/shared/api/api";
import { deleteFromNode } from "@/dicom/dicomweb";
import { number } from "@/shared/lib/format";
import type { SeriesSummary } from "@/shared/api/types";
import { completion } from "@/features/admin/lib/upkeepApi";

/** The series of one study, each with what was announced of it. */
export function HeldSeries({ studyInstanceUid, onChanged }: { studyInstanceUid: string; onChanged: () => void }) {
  const { upkeep, admin: t } = useText();
  const asked = useAsked((signal) => getStudy(studyInstanceUid, signal), studyInstanceUid);
  return (
    <Answer asked={asked}>
      {({ series }) => (
        <Grid
          label={upkeep.series}
          columns={[upkeep.series, t.stateWord, upkeep.arrived, upkeep.announced, upkeep.actions]}
          empty=""
        >
          {series.map((one) => (
            <SeriesRow
              key={one.series_instance_uid}
              studyInstanceUid={studyInstanceUid}
              series={one}
              onChanged={() => {
                asked.reload();
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
  const { upkeep, states } = useText();
  const order = useOrder(onChanged);
  const { series_instance_uid: uid } = series;
  const name = series.series_description || uid;
  return (
    <tr data-testid="held-series" data-series={uid} data-state={series.state}>
      <td className="max-w-80 [overflow-wrap:anywhere]">
        <span className="text-dim">{series.modality}</span> {series.series_number} {series.series_description}
        <div className="max-w-64 truncate font-mono text-xs text-dim" title={uid}>
          {uid}
        </div>
      </td>
      <td>
        <Badge word={states.study[series.state]} tone={series.state === "COMPLETE" ? "good" : "busy"} />
      </td>
      <td>{number(series.instance_count)}</td>
      <td>
        {/* Nobody announces what the node makes itself. */}
        {series.origin === "received" && (
          <Expectations seriesInstanceUid={uid} name={name} onChanged={onChanged} />
        )}
      </td>
      <td>
        <div className="flex flex-wrap gap-1.5">
          {series.state === "RECEIVING" && (
            <button
              type="button"
              className="control px-2 py-0.5"
              aria-label={`${upkeep.completeNow}: ${name}`}
              disabled={order.busy}
              onClick={() => void order.give(() => completion.ofSeries(studyInstanceUid, uid))}
            >
              {upkeep.completeNow}
            </button>
          )}
          <SureButton
            word={upkeep.deleteSeries}
            label={`${upkeep.deleteSeries}: ${name}`}
            busy={order.busy}
            onSure={() => void order.give(() => deleteFromNode(studyInstanceUid, uid))}
          />
        </div>
        {order.problem && <ProblemNote problem={order.problem} />}
      </td>
    </tr>
  );
}
