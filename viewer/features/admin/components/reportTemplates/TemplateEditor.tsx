"use client";

import { useState } from "react";
import { WordsField } from "@/features/admin/components/hanging/WordsField";
import { templateKeeping, type WrittenTemplate } from "@/features/admin/lib/reportTemplatesApi";
import { Field, Select } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";

type Section = WrittenTemplate["sections"][number];
type Kind = Section["kind"];

const kinds: readonly Kind[] = ["indication", "technique", "comparison", "findings", "impression", "note"];

/** One template, as it stands or as it was read; saved as a whole. */
export function TemplateEditor({ begun, onEnd }: { begun: WrittenTemplate; onEnd: () => void }) {
  const { reportTemplates: t, common } = useText();
  const [template, setTemplate] = useState(begun);
  const action = useAction(() => undefined);
  const change = (changes: Partial<WrittenTemplate>) => setTemplate((now) => ({ ...now, ...changes }));
  const { sections } = template;
  const isWhole = template.title.trim() !== "" && sections.every(({ heading, text }) => heading.trim() && text.trim());
  const upper = (words: string[]) => words.map((one) => one.toUpperCase());
  return (
    <form
      className="max-w-3xl space-y-3"
      aria-label={template.title || t.add}
      onSubmit={(event) => {
        event.preventDefault();
        void action.run(() => templateKeeping.save(template)).then((isSaved) => isSaved && onEnd());
      }}
    >
      <Field label={t.title} required maxLength={200} value={template.title} onChange={({ target }) => change({ title: target.value })} />
      <div className="grid grid-cols-3 gap-3">
        <Field
          label={t.language}
          required
          pattern="[a-z]{2,3}"
          value={template.language}
          onChange={({ target }) => change({ language: target.value })}
        />
        <WordsField label={t.modalities} hint="CT" words={template.modalities} onChange={(words) => change({ modalities: upper(words) })} />
        <WordsField label={t.bodyParts} hint="CHEST" words={template.body_parts} onChange={(words) => change({ body_parts: upper(words) })} />
      </div>
      {sections.map((section, place) => (
        <SectionFields
          key={place}
          section={section}
          onChange={(changes) => change({ sections: sections.map((one, number) => (number === place ? { ...one, ...changes } : one)) })}
          onRemove={sections.length > 1 ? () => change({ sections: sections.filter((_, number) => number !== place) }) : undefined}
        />
      ))}
      {template.source && (
        <p className="text-xs text-dim">
          {t.source} {template.source}
        </p>
      )}
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="flex gap-2">
        <button type="submit" className="control border-accent/60" disabled={action.busy || !isWhole}>
          {common.save}
        </button>
        <button type="button" className="control" onClick={onEnd}>
          {common.cancel}
        </button>
        <button
          type="button"
          className="control ml-auto"
          disabled={sections.length >= 20}
          onClick={() => change({ sections: [...sections, { heading: t.kinds.impression, kind: "impression", text: "" }] })}
        >
          {t.addSection}
        </button>
      </div>
    </form>
  );
}

function SectionFields({
  section,
  onChange,
  onRemove,
}: {
  section: Section;
  onChange: (changes: Partial<Section>) => void;
  onRemove: (() => void) | undefined;
}) {
  const { reportTemplates: t } = useText();
  return (
    <fieldset className="rounded-md border border-line p-3">
      <div className="grid grid-cols-[1fr_12rem_auto] items-end gap-3">
        <Field label={t.heading} required maxLength={200} value={section.heading} onChange={({ target }) => onChange({ heading: target.value })} />
        <Select label={t.kind} of={kinds} value={section.kind} words={(one) => t.kinds[one]} onChoose={(kind) => onChange({ kind })} />
        {onRemove && (
          <button type="button" className="control" aria-label={t.removeSection(section.heading)} onClick={onRemove}>
            ×
          </button>
        )}
      </div>
      <label className="mt-2 block text-xs text-dim">
        {t.text}
        <textarea
          className="mt-0.5 block w-full resize-y rounded-md border border-line-strong bg-ground px-2 py-1.5 text-[0.8125rem] text-ink"
          rows={Math.min(16, section.text.split("\n").length + 2)}
          maxLength={8000}
          required
          value={section.text}
          onChange={({ target }) => onChange({ text: target.value })}
        />
      </label>
    </fieldset>
  );
}
