"use client";

import { useCallback, useEffect, useState } from "react";
import { View } from "@/components/reader/View";
import type { ReaderState } from "@/hooks/useReader";
import { planes, type LoadedSeries, type Plane, type ToolName, type ViewId } from "@/lib/cornerstone";

/** A series in three planes through its volume; the axial one is large. */
export function PlanesStage({
  reader,
  series,
  tool,
}: {
  reader: ReaderState;
  series: LoadedSeries;
  tool: ToolName;
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
    void scene.showPlanes({ axial, sagittal, coronal }, series).then(() => {
      if (!gone) onShown("axial", series);
    });
    return () => {
      gone = true;
      scene.closePlanes();
      for (const plane of planes) views.clear(plane);
    };
  }, [scene, axial, sagittal, coronal, series, views, onShown]);

  return (
    <div className="grid min-h-0 flex-1 grid-cols-1 gap-px bg-line xl:grid-cols-[3fr_2fr] xl:grid-rows-2">
      {planes.map((plane) => (
        <View
          key={plane}
          viewId={plane}
          scene={scene}
          views={views}
          series={series}
          study={reader.studies.get(series.studyInstanceUid)}
          tool={tool}
          active={false}
          withPatient={plane === "axial"}
          className={plane === "axial" ? "xl:row-span-2" : ""}
          onAttach={attach}
        />
      ))}
    </div>
  );
}
