"use client";

import { useState } from "react";
import { Dialog } from "@/shared/components/Dialog";
import { ProblemNote } from "@/shared/components/ProblemNote";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { suvCaveatText, suvGapIn } from "@/dicom/pet/suvCaveats";
import { centerAndWidth, presetsFor, type WindowRange } from "@/dicom/windowing";
import { windowText } from "@/shared/lib/format";

const own = "own";

/** The windows of the modality, of the header, and one's own, which are kept and removed here. */
export function PresetChoice({ reader: { scene, series, layout } }: { reader: ReaderState }) {
  const { viewing: t } = useText();
  const { chosen } = usePreferences();
  const [asked, setAsked] = useState<WindowRange | null>(null);
  const range = scene?.openingRange ?? null;
  const windows = chosen.windows ?? [];
  const presets = series && range && layout !== "volume" ? presetsFor(series.modality, range, series.headerPresets, windows) : [];
  // Who looks for the windows in SUV finds why there are none.
  const gap = series?.order.slices[0] ? suvGapIn(series.order.slices[0].dataset) : undefined;
  return (
    <>
      <select
        aria-label={t.presetLabel}
        title={t.presetHint}
        data-testid="presets"
        className="control w-24"
        disabled={presets.length === 0}
        value=""
        onChange={(event) => {
          if (event.target.value === own) setAsked(scene?.range ?? null);
          const preset = presets[Number(event.target.value)];
          if (preset) scene?.setWindow(preset);
          event.target.blur();
        }}
      >
        <option value="" disabled>
          {t.presets}
        </option>
        {presets.map(({ name }, index) => (
          <option key={`${index} ${name}`} value={index}>
            {index + 1} {(t.presetNames as Record<string, string>)[name] ?? name}
          </option>
        ))}
        {gap && <option disabled>{suvCaveatText(gap)}</option>}
        <option value={own}>{t.ownWindows.edit}</option>
      </select>
      {asked && series && <OwnWindows range={asked} modality={series.modality} onClose={() => setAsked(null)} />}
    </>
  );
}

function OwnWindows({ range, modality, onClose }: { range: WindowRange; modality: string; onClose: () => void }) {
  const { viewing: t, common } = useText();
  const { chosen, choose, problem } = usePreferences();
  const [name, setName] = useState("");
  const windows = chosen.windows ?? [];
  const now = centerAndWidth(range);
  const called = name.trim();
  return (
    <Dialog title={t.ownWindows.title(modality)} testId="own-windows" onClose={onClose}>
      <ul className="space-y-1">
        {windows.map((one) => (
          <li key={`${one.modality} ${one.name}`} className="flex items-center gap-2" hidden={one.modality !== modality}>
            <span className="min-w-0 flex-1 truncate">{one.name}</span>
            <span className="text-xs text-dim">{windowText(one)}</span>
            <button
              type="button"
              className="control px-1.5 py-0"
              aria-label={t.ownWindows.remove(one.name)}
              onClick={() => choose({ windows: windows.filter((other) => other !== one) })}
            >
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ul>
      <form
        className="mt-3 flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          const others = windows.filter((one) => one.modality !== modality || one.name !== called);
          choose({ windows: [...others, { name: called, modality, ...now }] });
          setName("");
        }}
      >
        <label className="flex-1 text-xs text-dim">
          {t.ownWindows.keep(windowText(now))}
          <input
            autoFocus
            className="mt-0.5 w-full rounded border border-line-strong bg-ground px-2 py-1 text-sm text-ink"
            maxLength={60}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <button type="submit" className="control" disabled={called === ""}>
          {common.save}
        </button>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
