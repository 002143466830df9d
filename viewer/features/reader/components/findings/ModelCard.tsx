"use client";

import { useState } from "react";
import { Answer } from "@/shared/components/parts";
import { Dialog } from "@/shared/components/Dialog";
import { ModelFacts } from "@/shared/components/ModelFacts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { listModels } from "@/shared/api/api";

/** A button that opens the card of the model behind a pipeline's results. */
export function ModelCardButton({ pipeline, version, title }: { pipeline: string; version: string; title: string }) {
  const { reader: t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="control px-2 py-0.5 text-xs"
        aria-label={`${t.modelCard}: ${title} ${version}`}
        onClick={() => setOpen(true)}
      >
        {t.modelCard}
      </button>
      {open && <ModelCard pipeline={pipeline} version={version} onClose={() => setOpen(false)} />}
    </>
  );
}

function ModelCard({
  pipeline,
  version,
  onClose,
}: {
  pipeline: string;
  version: string;
  onClose: () => void;
}) {
  const { reader: t } = useText();
  const fetched = useFetched((signal) => listModels(pipeline, version, signal), `${pipeline} ${version}`);
  return (
    <Dialog title={t.modelCard} testId="model-card" onClose={onClose}>
      <p className="mt-1 text-warn">{t.notice}</p>
      <Answer fetched={fetched}>
        {(models) =>
          models.length === 0 ? (
            <p className="mt-2 text-dim">{t.noModel}</p>
          ) : (
            models.map((model) => (
              <section key={`${model.name}${model.version}`} className="mt-3">
                <h3 className="font-semibold">
                  {model.name} <span className="font-normal text-dim">{model.version}</span>
                </h3>
                <ModelFacts model={model} />
              </section>
            ))
          )
        }
      </Answer>
    </Dialog>
  );
}
