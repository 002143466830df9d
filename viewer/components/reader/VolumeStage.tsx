"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import { View } from "@/components/reader/View";
import type { ReaderState } from "@/hooks/useReader";
import { useText } from "@/hooks/useText";
import { volumePresets, type LoadedSeries, type ToolName } from "@/lib/cornerstone";

/** A series as a volume: turned with the left button, drawn by a preset. */
export function VolumeStage({
  reader,
  series,
  tool,
}: {
  reader: ReaderState;
  series: LoadedSeries;
  tool: ToolName;
}) {
  const { viewing: t } = useText();
  const { scene, views } = reader;
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [chosen, setChosen] = useState("");
  const [drawn, setDrawn] = useState(false);
  const presets = useMemo(() => volumePresets(series.modality), [series.modality]);
  const attach = useCallback((_: unknown, next: HTMLDivElement | null) => setElement(next), []);

  useEffect(() => {
    if (!scene || !element) return;
    let gone = false;
    void scene.showVolume(element, series).then(() => !gone && setDrawn(true));
    return () => {
      gone = true;
      scene.volume.close();
      views.clear("volume");
    };
  }, [scene, element, series, views]);

  return (
    <div className="relative grid min-h-0 flex-1" data-testid="volume-stage" data-drawn={drawn}>
      <View
        viewId="volume"
        scene={scene}
        views={views}
        series={series}
        study={reader.studies.get(series.studyInstanceUid)}
        tool={tool}
        active={false}
        withPatient={false}
        onAttach={attach}
      />
      <div className="absolute top-2 left-2 flex items-center gap-2">
        <label className="sr-only" htmlFor="volume-preset">
          {t.howDrawn}
        </label>
        <select
          id="volume-preset"
          className="control"
          value={chosen || (scene?.volume.openingPreset(series.modality) ?? "")}
          onChange={(event) => {
            setChosen(event.target.value);
            scene?.volume.setPreset(event.target.value);
          }}
        >
          {presets.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <span className="text-xs text-dim">{t.notForMeasuring}</span>
      </div>
    </div>
  );
}
