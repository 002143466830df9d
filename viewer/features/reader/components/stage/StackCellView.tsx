"use client";

import { useCallback, useEffect, useState } from "react";
import { SlideStage } from "@/features/reader/components/slides/SlideStage";
import { ViewLocalizers } from "@/features/reader/components/stage/ViewLocalizers";
import { KeyCursor } from "@/features/reader/components/stage/KeyCursor";
import { SlabPosition } from "@/features/reader/components/stage/SlabPosition";
import { Spyglass } from "@/features/reader/components/stage/Spyglass";
import { ViewPoints } from "@/features/reader/components/stage/ViewPoints";
import { View } from "@/features/reader/components/stage/View";
import type { AxisCurveState } from "@/features/reader/hooks/measurements/useAxisCurve";
import type { UptakeState } from "@/features/reader/hooks/measurements/useUptake";
import type { SubtractionState } from "@/features/reader/hooks/tools/useSubtraction";
import type { LocalizersOn } from "@/features/reader/hooks/stage/useLocalizers";
import type { WorkingTool } from "@/features/reader/hooks/tools/useToolByKeys";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { useText } from "@/shared/hooks/useText";
import type { CellId, ToolName, ViewId } from "@/cornerstone";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import { markText } from "@/features/reader/lib/studies/otherStudies";
import type { StudyDetail } from "@/shared/api/types";

/** One stack of the layout: shows its series, and takes one that is dropped on it. */
export function StackCellView({
  viewId,
  index,
  cell,
  reader,
  study,
  tool,
  uptakeOn,
  pointsOn,
  localizersOn,
  subtractionOf,
  working,
  alone,
  onMenu,
}: {
  viewId: CellId;
  index: number;
  cell: SeriesRef | null;
  reader: ReaderState;
  study: StudyDetail;
  tool: ToolName;
  uptakeOn: UptakeState["on"];
  pointsOn: AxisCurveState["on"];
  localizersOn: LocalizersOn;
  subtractionOf: SubtractionState["of"];
  /** Where the tool is worked with keys here. */
  working: WorkingTool | null;
  alone: boolean;
  onMenu: (viewId: ViewId, x: number, y: number) => void;
}) {
  const { viewing: t } = useText();
  const { scene, views, onShown, arrangement } = reader;
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const { series, problem } = reader.slotOf(cell);
  const through = reader.hungWindow(index);
  const lower = through?.lower;
  const upper = through?.upper;

  useEffect(() => {
    if (!scene || !element || !series || series.slide || series.imageIds.length === 0) return;
    let gone = false;
    views.clear(viewId);
    const window = lower === undefined || upper === undefined ? null : { lower, upper };
    const show = async () => {
      // A toolbar that is measured in this very task takes the viewport another height than it will have, and the image would be fitted to it.
      await Promise.resolve();
      if (gone) return;
      await scene.showing.stack(viewId, element, series, window);
      if (!gone) onShown(viewId, series);
    };
    void show();
    return () => {
      gone = true;
    };
  }, [scene, element, series, viewId, views, onShown, lower, upper]);

  // What a viewport showed is not that of another stage which leaves it empty.
  const isEmpty = cell === null;
  useEffect(() => {
    if (!isEmpty) return;
    scene?.showing.closeCell(viewId);
    views.clear(viewId);
  }, [isEmpty, scene, viewId, views]);

  useEffect(
    () => () => {
      scene?.showing.closeCell(viewId);
      views.clear(viewId);
    },
    [scene, viewId, views],
  );

  const attach = useCallback((_: unknown, next: HTMLDivElement | null) => setElement(next), []);
  const of = cell ? reader.studies.get(cell.studyInstanceUid) : undefined;
  if (cell && series?.slide) {
    return (
      <div
        data-testid="slide-viewport"
        data-view={viewId}
        className={`relative min-h-0 min-w-0 ${reader.maximised && reader.maximised !== viewId ? "invisible absolute! inset-0" : ""}`}
        onFocus={() => reader.activate(index)}
      >
        <SlideStage
          key={series.seriesInstanceUid}
          slide={series.slide}
          studyInstanceUid={series.studyInstanceUid}
          seriesInstanceUid={series.seriesInstanceUid}
          name={of?.series.find((one) => one.series_instance_uid === series.seriesInstanceUid)?.series_description ?? ""}
        />
      </div>
    );
  }
  return (
    <View
      viewId={viewId}
      scene={scene}
      views={views}
      series={cell ? series : null}
      study={of}
      otherStudyMark={of && of !== study ? markText(of, study) : ""}
      tool={tool}
      active={!alone && arrangement?.active === index}
      withPatient
      presentation={reader.presentations.chosenFor(cell?.seriesInstanceUid ?? "")}
      contoursOn={reader.structureSets.on}
      dose={reader.dose}
      reference={reader.reference}
      heatMaps={reader.heatMaps}
      uptakeOn={uptakeOn}
      overImage={(shown, at, matrix) => (
        <>
          <ViewPoints matrix={matrix} points={pointsOn(shown, at)} />
          <ViewLocalizers matrix={matrix} locations={localizersOn(shown, at)} />
        </>
      )}
      subtractionOf={subtractionOf}
      marksShown={reader.presentations.marksShown}
      onAttach={attach}
      onActivate={() => reader.activate(index)}
      // The others keep their size beneath it, and what they show with it.
      className={reader.maximised && reader.maximised !== viewId ? "invisible absolute! inset-0" : ""}
      onMaximise={() => !alone && reader.toggleMaximised(viewId)}
      onMenu={onMenu}
      onRetry={() => cell && reader.reloadSeries(cell.seriesInstanceUid)}
      onDropSeries={(dropped) => {
        const [studyInstanceUid, seriesInstanceUid] = dropped.split(" ");
        if (studyInstanceUid && seriesInstanceUid) {
          reader.openSeries({ studyInstanceUid, seriesInstanceUid }, index);
        }
      }}
    >
      {working && <KeyCursor scene={scene} views={views} working={working} />}
      {cell && series && <SlabPosition views={views} viewId={viewId} series={series} />}
      {scene && element && series && reader.spyglass.nth !== null && (
        <Spyglass
          scene={scene}
          viewId={viewId}
          element={element}
          views={views}
          state={reader.spyglass}
          isActive={arrangement?.active === index}
          nameOf={({ studyInstanceUid, seriesInstanceUid }) => {
            const other = reader.studies.get(studyInstanceUid);
            if (other && other !== study) return markText(other, study);
            return other?.series.find((one) => one.series_instance_uid === seriesInstanceUid)?.series_description || t.series;
          }}
        />
      )}
      {!cell && (
        <p className="pointer-events-none absolute inset-0 grid place-items-center p-4 text-center text-dim">
          {t.dropHere}
        </p>
      )}
      {problem && !alone && (
        <p role="alert" className="absolute inset-x-3 top-10 text-warn">
          {problem.detail || problem.title}
        </p>
      )}
    </View>
  );
}
