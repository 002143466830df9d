"use client";

import { Badge } from "@/components/Badge";
import { Answer } from "@/components/admin/parts";
import { useAsked } from "@/hooks/useAsked";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import { useText } from "@/hooks/useText";
import { models } from "@/lib/adminApi";

/** Every model with its card, and whether it could run here. */
export function Models() {
  const { admin: t } = useText();
  const titles = usePipelineTitles();
  const asked = useAsked(models.list);
  return (
    <Answer asked={asked}>
      {({ items }) => (
        <ul className="grid gap-3 xl:grid-cols-2">
          {items.map((model) => (
            <li
              key={`${model.name}${model.version}`}
              data-testid="model"
              className="rounded-lg border border-line bg-panel p-4"
            >
              <div className="flex items-baseline gap-2">
                <h2 className="font-semibold">{model.name}</h2>
                <span className="text-dim">{model.version}</span>
                <span className="ml-auto">
                  <Badge word={model.ready ? t.ready : t.notReady} tone={model.ready ? "good" : "warn"} />
                </span>
              </div>
              {model.detail && (
                <p className="mt-1 text-warn" lang="en">
                  {model.detail}
                </p>
              )}
              <dl className="mt-2 grid grid-cols-[8rem_1fr] gap-x-3 gap-y-1 text-[13px] [&_dt]:text-dim">
                <dt>{t.usedBy}</dt>
                <dd>{model.pipelines.map((one) => titles.of(one)).join(", ")}</dd>
                <dt>{t.intendedUse}</dt>
                <dd lang="en">{model.intended_use}</dd>
                <dt>{t.input}</dt>
                <dd lang="en">{model.input_description}</dd>
                <dt>{t.licence}</dt>
                <dd>{model.licence}</dd>
                <dt>{t.source}</dt>
                <dd className="break-words">{model.source}</dd>
                {model.files.map((file) => (
                  <div key={file.name} className="contents">
                    <dt>{file.name}</dt>
                    <dd className="truncate font-mono text-xs" title={file.sha256}>
                      sha256 {file.sha256}
                    </dd>
                  </div>
                ))}
              </dl>
            </li>
          ))}
        </ul>
      )}
    </Answer>
  );
}
