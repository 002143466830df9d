"use client";

import { useCallback, useEffect, useState } from "react";
import { CurvedPane } from "@/features/reader/components/curved/CurvedPane";
import { ViewCurve } from "@/features/reader/components/curved/ViewCurve";
import { MipPane } from "@/features/reader/components/stage/MipPane";
import { KeyCursor } from "@/features/reader/components/stage/KeyCursor";
import { View } from "@/features/reader/components/stage/View";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import type { WorkingTool } from "@/features/reader/hooks/tools/useToolByKeys";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import type { WindowRange } from "@/dicom/windowing";
import { planes, pointClicks, type LoadedSeries, type Plane, type ToolName, type ViewId } from "@/cornerstone";

/** Tools that leave a click to who moves the planes. */
const jumpingTools: ReadonlySet<ToolName> = new Set(["window", "pan", "zoom", "scroll"]);

/** A series in three planes through its volume; the axial one is large. */
export function PlanesStage({
  reader,
  series,
  tool,
  curved,
  working,
  onMenu,
}: {
  reader: ReaderState;
  series: LoadedSeries;
  tool: ToolName;
  curved: CurvedState;
  /** The tool that is worked with keys. */
  working: WorkingTool | null;
  onMenu: (viewId: ViewId, x: number, y: number) => void;
}) {
  const { scene, views, onShown } = reader;
  const [elements, setElements] = useState<Partial<Record<Plane, HTMLDivElement>>>({});
  const attach = useCallback((viewId: ViewId, element: HTMLDivElement | null) => {
    setElements((now) => ({ ...now, [viewId]: element ?? undefined }));
  }, []);
  const { axial, sagittal, coronal } = elements;

  useEffect(() => {
    if (!scene || !axial || !sagittal || !coronal) return;
    let gone = false;
    void scene.showing.inPlanes({ axial, sagittal, coronal }, series).then(() => {
      if (!gone) onShown("axial", series);
    });
    return () => {
      gone = true;
      scene.showing.closePlanes();
      for (const plane of planes) views.clear(plane);
    };
  }, [scene, axial, sagittal, coronal, series, views, onShown]);

  // A click into a plane moves the others there, unless it draws or windows by a region.
  const activity = activityIn(reader, series);
  const jumps = activity !== null && !curved.placing && jumpingTools.has(tool);
  useEffect(() => {
    if (!jumps || !scene) return;
    return pointClicks((viewId, point) => {
      const place = planes.some((plane) => plane === viewId) ? scene.places.lpsAt(viewId, point) : null;
      if (place) scene.planes.goToPoint(place);
    });
  }, [jumps, scene]);

  const { maximised } = reader;
  const arrangement = curved.isOpen ? "curved" : !activity ? "planes" : activity.series === series ? "activity" : "fused";
  const placeOf = (plane: Plane) => {
    if (maximised) return maximised === plane ? "" : "invisible absolute! inset-0";
    return plane === "axial" ? axialRows[arrangement] : "";
  };
  return (
    <div
      data-testid="planes"
      data-maximised={maximised ?? ""}
      className={`relative grid min-h-0 flex-1 grid-cols-1 gap-px bg-line ${
        maximised ? "grid-rows-1" : grids[arrangement]
      }`}
    >
      {planes.map((plane) => (
        <View
          key={plane}
          viewId={plane}
          scene={scene}
          views={views}
          series={series}
          study={reader.studies.get(series.studyInstanceUid)}
          tool={tool}
          dose={reader.dose}
          reference={reader.reference}
          sectionsOn={reader.structureSets.onPlane}
          marksShown={reader.presentations.marksShown}
          active={false}
          withPatient={plane === "axial"}
          className={placeOf(plane)}
          onMaximise={() => reader.toggleMaximised(plane)}
          onMenu={onMenu}
          onAttach={attach}
        >
          {working?.viewId === plane && <KeyCursor scene={scene} views={views} working={working} />}
          {curved.isOpen && <ViewCurve plane={plane} scene={scene} views={views} curved={curved} />}
        </View>
      ))}
      {curved.isOpen && !maximised && <CurvedPane curved={curved} series={series} views={views} className="xl:col-span-2 xl:col-start-3 xl:row-span-2 xl:row-start-1" />}
      {activity && !curved.isOpen && !maximised && (
        <MipPane key={activity.series.seriesInstanceUid} series={activity.series} range={activity.range} scene={scene} views={views}  />
      )}
    </div>
  );
}

/** With a curve beside them as large as the three; with a projection: as large as the others of an activity, and where it is laid over anatomy that stays large. */
const grids = {
  curved: "xl:grid-cols-4 xl:grid-rows-[3fr_2fr]",
  planes: "xl:grid-cols-[3fr_2fr] xl:grid-rows-2",
  activity: "xl:grid-cols-2 xl:grid-rows-2",
  fused: "xl:grid-cols-[3fr_2fr] xl:grid-rows-[5fr_5fr_6fr]",
};
const axialRows = { curved: "xl:col-span-2", planes: "xl:row-span-2", activity: "", fused: "xl:row-span-3" };

/** The series of activity in the planes: theirs, or the one that is laid over it, with its window; null without one. */
function activityIn({ fusion, slotOf }: ReaderState, series: LoadedSeries): { series: LoadedSeries; range: WindowRange | null } | null {
  const isActivity = ({ modality }: LoadedSeries) => modality === "PT" || modality === "NM";
  if (isActivity(series)) return { series, range: null };
  const fused = slotOf(fusion.chosen).series;
  return fused && isActivity(fused) && fusion.look && !fusion.refusal ? { series: fused, range: fusion.look.range } : null;
}
