"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Waiting } from "@/shared/components/Waiting";
import { PlanesStage } from "@/features/reader/components/stage/PlanesStage";
import { StackCellView } from "@/features/reader/components/stage/StackCellView";
import { VolumeStage } from "@/features/reader/components/stage/VolumeStage";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import type { AxisCurveState } from "@/features/reader/hooks/measurements/useAxisCurve";
import type { UptakeState } from "@/features/reader/hooks/measurements/useUptake";
import type { SubtractionState } from "@/features/reader/hooks/tools/useSubtraction";
import { useLocalizers } from "@/features/reader/hooks/stage/useLocalizers";
import type { WorkingTool } from "@/features/reader/hooks/tools/useToolByKeys";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { useText } from "@/shared/hooks/useText";
import { cells, type LoadedSeries, type ToolName, type ViewId } from "@/cornerstone";
import { suvCaveatText } from "@/dicom/pet/suvCaveats";
import { cellCount } from "@/features/reader/lib/layout/layout";
import type { StudyDetail } from "@/shared/api/types";

const columnsOf = { 1: "grid-cols-1", 2: "grid-cols-2", 3: "grid-cols-3" };
const rowsOf = { 1: "grid-rows-1", 2: "grid-rows-2", 3: "grid-rows-3" };

/** The middle of the reader: its viewports, and the notices about them. */
export function Stage({
  reader,
  study,
  tool,
  uptakeOn,
  pointsOn,
  subtractionOf,
  curved,
  working,
  refusal,
  onMenu,
}: {
  reader: ReaderState;
  study: StudyDetail;
  tool: ToolName;
  /** What counts of the uptake on an image of a PET. */
  uptakeOn: UptakeState["on"];
  /** The points on an image that curves are of. */
  pointsOn: AxisCurveState["on"];
  subtractionOf: SubtractionState["of"];
  curved: CurvedState;
  /** The tool that is worked with keys. */
  working: WorkingTool | null;
  /** Why there are no planes and no volume, once somebody asked for them. */
  refusal: string;
  onMenu: (viewId: ViewId, x: number, y: number) => void;
}) {
  const { viewing: t } = useText();
  const { arrangement, series, layout, active } = reader;
  const localizersOn = useLocalizers(reader);
  const summary = study.series.find((one) => one.series_instance_uid === active?.seriesInstanceUid);
  const [read, setRead] = useState<{ series: LoadedSeries; count: number } | null>(null);
  if (series && summary && read?.series !== series) setRead({ series, count: summary.instance_count });
  // Some instances hold no pixels, or cannot be read: only what came since counts as arrived.
  const arrived =
    series && summary && read?.series === series
      ? summary.instance_count - Math.max(series.instanceCount, read.count)
      : 0;

  if (!arrangement) {
    return (
      <div className="grid flex-1 place-items-center p-8 text-dim">
        {study.state === "receiving"
          ? t.imagesCome
          : study.series.length > 0
            ? t.noneOpen
            : t.noneShown}
      </div>
    );
  }
  const problem = reader.slotOf(active).problem ?? reader.failure;
  return (
    <div data-theme="dark" data-tour="images" className="relative flex min-h-0 flex-1 flex-col text-ink">
      {layout === "stack" && (
        <div
          data-testid="grid"
          data-maximised={reader.maximised ?? ""}
          className={`relative grid min-h-0 flex-1 gap-px bg-line ${
            reader.maximised ? "grid-cols-1 grid-rows-1" : `${columnsOf[arrangement.columns]} ${rowsOf[arrangement.rows]}`
          }`}
        >
          {cells.slice(0, cellCount(arrangement)).map((viewId, index) => (
            <StackCellView
              key={viewId}
              viewId={viewId}
              index={index}
              cell={arrangement.cells[index] ?? null}
              reader={reader}
              study={study}
              tool={tool}
              uptakeOn={uptakeOn}
              pointsOn={pointsOn}
              localizersOn={localizersOn}
              subtractionOf={subtractionOf}
              working={working?.viewId === viewId ? working : null}
              alone={cellCount(arrangement) === 1}
              onMenu={onMenu}
            />
          ))}
        </div>
      )}
      {layout === "planes" && series && (
        <PlanesStage key={series.seriesInstanceUid} reader={reader} series={series} tool={tool} curved={curved} working={working} onMenu={onMenu} />
      )}
      {layout === "volume" && series && (
        <VolumeStage key={series.seriesInstanceUid} reader={reader} series={series} tool={tool} />
      )}
      {!series && !problem && (
        <div className="pointer-events-none absolute inset-0">
          <Waiting text={t.readingSeries} />
        </div>
      )}
      {problem && (
        <div className="absolute inset-x-6 top-6">
          <ProblemNote
            problem={problem}
            onRetry={() => active && reader.reloadSeries(active.seriesInstanceUid)}
          />
        </div>
      )}
      <div className="pointer-events-none absolute inset-x-0 bottom-10 grid justify-center gap-2">
        {reader.notice && <Note>{reader.notice}</Note>}
        {series?.order.notice && <Note>{series.order.notice}</Note>}
        {refusal && <Note>{refusal}</Note>}
        {layout === "planes" && reader.fusion.look && reader.fusion.suvGap && <Note>{suvCaveatText(reader.fusion.suvGap)}</Note>}
        {arrived > 0 && active && (
          <button
            type="button"
            className="control pointer-events-auto border-accent"
            onClick={() => reader.reloadSeries(active.seriesInstanceUid)}
          >
            {t.arrived(arrived)}
          </button>
        )}
      </div>
    </div>
  );
}

function Note({ children }: { children: string }) {
  return (
    <p className="rounded-md border border-warn/50 bg-ground/90 px-3 py-1 text-xs text-warn">
      {children}
    </p>
  );
}
