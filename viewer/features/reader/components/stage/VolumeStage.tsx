"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import { View } from "@/features/reader/components/stage/View";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { useText } from "@/shared/hooks/useText";
import { drawsInSoftware, volumePresets, type LoadedSeries, type ToolName } from "@/cornerstone";

const slowAfterMs = 30_000;

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
  const [slow, setSlow] = useState(false);
  const [inSoftware] = useState(drawsInSoftware);
  const presets = useMemo(() => volumePresets(series.modality), [series.modality]);
  const attach = useCallback((_: unknown, next: HTMLDivElement | null) => setElement(next), []);

  useEffect(() => {
    if (!scene || !element) return;
    let gone = false;
    const timer = setTimeout(() => setSlow(true), slowAfterMs);
    void scene.showing.asVolume(element, series).then(() => {
      clearTimeout(timer);
      if (gone) return;
      setSlow(false);
      setDrawn(true);
    });
    return () => {
      gone = true;
      clearTimeout(timer);
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
        // Without a graphics processor each point costs some milliseconds: fewer of them.
        className={inSoftware ? "h-full max-h-80 w-full max-w-80 place-self-center" : ""}
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
            <option key={name} value={name}>
              {(t.volumePresets as Record<string, string>)[name] ?? name}
            </option>
          ))}
        </select>
        <span className="text-xs text-dim">{t.notForMeasuring}</span>
      </div>
      {(inSoftware || slow) && (
        <p role="status" data-testid="volume-note" className="absolute inset-x-2 bottom-2 text-center text-xs text-warn">
          {slow && !drawn
            ? t.volumeIsSlow
            : t.drawnInSoftware}
        </p>
      )}
    </div>
  );
}
