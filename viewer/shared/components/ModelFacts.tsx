import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { valueText } from "@/shared/lib/feedback";
import type { Model } from "@/shared/api/types";

/** What a model's card says: the same wherever it is shown. */
export function ModelFacts({ model }: { model: Model }) {
  const { admin: t, common, reader } = useText();
  const titles = usePipelineTitles();
  const facts: [string, string][] = [
    [t.usedBy, model.pipelines.map((one) => titles.of(one)).join(", ")],
    [reader.algorithmFamily, reader.algorithmFamilies[model.algorithm_family.value] ?? model.algorithm_family.meaning],
    [t.intendedUse, model.intended_use],
    [t.training, model.training_data],
    [t.input, model.input_description],
    [t.licence, model.licence],
    [t.source, model.source],
    [t.revision, model.revision],
    [
      t.gate,
      model.gate
        .map(({ metric, at_least, at_most }) =>
          [metric, at_least !== null && `≥ ${at_least}`, at_most !== null && `≤ ${at_most}`]
            .filter(Boolean)
            .join(" "),
        )
        .join(", "),
    ],
  ];
  return (
    <dl className="mt-2 grid grid-cols-[8rem_minmax(0,1fr)] gap-x-3 gap-y-1 text-[0.8125rem] [&_dt]:text-dim">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt>{name}</dt>
          <dd className="break-words" lang="en">
            {value || common.none}
          </dd>
        </div>
      ))}
      {model.normal_ranges.map((one) => (
        <div key={`${one.label}${one.sex}${String(one.age_years)}`} className="contents">
          <dt>{one.label}</dt>
          <dd>
            {one.low ?? "…"}–{one.high ?? "…"} {valueText(0, one.unit).replace(/^\S+ ?/, "")}
            {one.sex && `, ${one.sex}`}
            {one.age_years && `, ${one.age_years[0]}–${one.age_years[1]}`}
            <span className="block text-xs text-dim" lang="en">
              {one.source}
            </span>
          </dd>
        </div>
      ))}
      {model.files.map((file) => (
        <div key={file.name} className="contents">
          <dt className="truncate" title={file.name}>
            {file.name.split("/").at(-1)}
          </dt>
          <dd className="truncate font-mono text-xs leading-5" title={file.sha256}>
            sha256 {file.sha256}
          </dd>
        </div>
      ))}
    </dl>
  );
}
