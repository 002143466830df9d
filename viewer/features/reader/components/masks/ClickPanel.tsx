"use client";

import { useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Section } from "@/features/reader/components/Section";
import type { ClickingState } from "@/features/reader/hooks/masks/useClicking";
import { useText } from "@/shared/hooks/useText";
import type { LoadedMask } from "@/cornerstone";
import type { InteractiveModel } from "@/shared/api/types";

/** The id of the button that begins it. */
export const beginClicking = "begin-clicking";

/** Chooses a model to segment with by clicks, and holds the tools while one is at work. */
export function ClickPanel({
  state,
  modality,
  masks,
}: {
  state: ClickingState;
  modality: string;
  /** Those on the images, of which the model may begin with a segment. */
  masks: readonly LoadedMask[];
}) {
  const { common, viewing } = useText();
  const t = viewing.clicking;
  const { models, phase, points, problem } = state;
  const [label, setLabel] = useState("");
  // Nobody has added one.
  if (!models || models.items.length === 0) return null;
  if (phase !== "on") {
    return (
      <Section title={t.title}>
        <div className="space-y-2 text-xs" data-testid="click-models">
          {!models.is_available && (
            <p className="text-dim">
              {models.reason} {models.remedy}
            </p>
          )}
          {models.is_available && <Choice key={modality} state={state} modality={modality} />}
          <p role="status" className="text-dim" data-testid="click-notice">
            {phase === "opening" ? t.opening : state.notice}
          </p>
          {phase === "opening" && (
            <button type="button" className="control px-2 py-0" onClick={state.cancel}>
              {common.cancel}
            </button>
          )}
          {problem && <ProblemNote problem={problem} />}
        </div>
      </Section>
    );
  }
  const outside = points.filter((one) => !one.inside).length;
  return (
    <Section title={t.title}>
      <div
        className="space-y-2 rounded-md border border-accent/60 p-2 text-xs"
        data-testid="clicking"
        aria-busy={state.busy}
      >
        <p>{t.hint}</p>
        <div role="radiogroup" aria-label={t.clickSays} className="flex flex-wrap gap-1">
          {([true, false] as const).map((inside) => (
            <button
              key={String(inside)}
              type="button"
              role="radio"
              aria-checked={state.inside === inside}
              className="control px-2 py-0 aria-checked:border-accent aria-checked:text-accent"
              onClick={() => state.setInside(inside)}
            >
              {inside ? t.inside : t.outside}
            </button>
          ))}
          <button type="button" className="control px-2 py-0" onClick={state.pointInMiddle}>
            {t.inMiddle}
          </button>
        </div>
        {state.takesInitial && <BeginWith state={state} masks={masks} />}
        <div className="flex flex-wrap gap-1">
          <button type="button" className="control px-2 py-0" disabled={points.length === 0} onClick={state.undo}>
            {viewing.undo}
          </button>
          <button type="button" className="control px-2 py-0" disabled={!state.canRedo} onClick={state.redo}>
            {viewing.redo}
          </button>
        </div>
        <label className="flex items-center gap-2">
          <span className="text-dim">{t.label}</span>
          <input
            className="control min-w-0 flex-1 px-2 py-0"
            data-testid="click-label"
            value={label}
            maxLength={64}
            onChange={(event) => setLabel(event.target.value)}
          />
        </label>
        <div className="flex gap-2">
          <button
            type="button"
            className="control enabled:border-accent"
            data-testid="accept-mask"
            disabled={state.busy || !state.voxels}
            onClick={() => {
              state.accept(label.trim());
              // The next structure is another one.
              setLabel("");
            }}
          >
            {t.accept}
          </button>
          <button type="button" className="control" onClick={state.cancel}>
            {common.cancel}
          </button>
        </div>
        <p role="status" className="text-dim" data-testid="click-notice">
          {state.busy ? t.working : state.notice || t.points(points.length - outside, outside, state.voxels)}
        </p>
        {problem && <ProblemNote problem={problem} />}
      </div>
    </Section>
  );
}

function BeginWith({ state, masks }: { state: ClickingState; masks: readonly LoadedMask[] }) {
  const { viewing } = useText();
  const t = viewing.clicking;
  const segments = masks
    .filter((one) => one.sopInstanceUid !== "")
    .flatMap(({ sopInstanceUid, segments: all }) =>
      all.map(({ segmentNumber, label }) => ({ sopInstanceUid, segmentNumber, label, key: `${sopInstanceUid} ${segmentNumber}` })),
    );
  const { initial } = state;
  if (segments.length === 0 && !initial) return null;
  return (
    <label className="flex items-center gap-2">
      <span className="text-dim">{t.beginWith}</span>
      <select
        className="control min-w-0 flex-1"
        data-testid="click-initial"
        value={initial ? `${initial.sopInstanceUid} ${initial.segmentNumber}` : ""}
        onChange={(event) => state.beginWith(segments.find((one) => one.key === event.target.value) ?? null)}
      >
        <option value="">{t.beginWithNothing}</option>
        {segments.map((one) => (
          <option key={one.key} value={one.key}>
            {one.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function Choice({ state, modality }: { state: ClickingState; modality: string }) {
  const { viewing } = useText();
  const t = viewing.clicking;
  const models = (state.models?.items ?? []).filter((one) => fits(one, modality));
  const [chosen, setChosen] = useState("");
  const [structure, setStructure] = useState("");
  const model = models.find((one) => one.name === chosen) ?? models.find((one) => one.is_ready) ?? models[0];
  if (!model) return <p className="text-dim">{t.none(modality)}</p>;
  const structures = model.needs_structure ? model.structures : ["", ...model.structures];
  const wanted = structures.includes(structure) ? structure : (structures[0] ?? "");
  return (
    <>
      <label className="flex items-center gap-2">
        <span className="w-16 text-dim">{t.model}</span>
        <select
          className="control min-w-0 flex-1"
          data-testid="click-model"
          value={model.name}
          onChange={(event) => setChosen(event.target.value)}
        >
          {models.map((one) => (
            <option key={one.name} value={one.name}>
              {one.title}
            </option>
          ))}
        </select>
      </label>
      <label className="flex items-center gap-2">
        <span className="w-16 text-dim">{t.structure}</span>
        <select
          className="control min-w-0 flex-1"
          data-testid="click-structure"
          value={wanted}
          onChange={(event) => setStructure(event.target.value)}
        >
          {structures.map((one) => (
            <option key={one} value={one}>
              {one || t.anything}
            </option>
          ))}
        </select>
      </label>
      {!model.is_ready && <p className="text-warn">{model.reason}</p>}
      <button
        type="button"
        className="control enabled:border-accent"
        id={beginClicking}
        data-testid="begin-clicking"
        disabled={!model.is_ready || state.phase === "opening"}
        onClick={() => state.begin(model.name, wanted)}
      >
        {t.begin}
      </button>
    </>
  );
}

/** One that does not say what it was made for is offered; whether it takes the series, the node judges. */
function fits({ modality }: InteractiveModel, wanted: string): boolean {
  return modality === "" || modality === wanted || (modality === "MRI" && wanted === "MR") || (modality === "PET" && wanted === "PT");
}
