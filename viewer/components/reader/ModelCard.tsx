"use client";

import { useEffect, useRef, useState } from "react";
import { Answer } from "@/components/admin/parts";
import { ModelFacts } from "@/components/ModelFacts";
import { useAsked } from "@/hooks/useAsked";
import { useText } from "@/hooks/useText";
import { listModels } from "@/lib/api";

/** A button that opens the card of the model behind a pipeline's results. */
export function ModelCardButton({ pipeline, version, title }: { pipeline: string; version: string; title: string }) {
  const { reader: t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="control px-2 py-0 text-xs"
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
  const { reader: t, common } = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
  }, []);
  const asked = useAsked((signal) => listModels(pipeline, version, signal), `${pipeline} ${version}`);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-label={t.modelCard}
      data-testid="model-card"
      className="m-auto max-h-[85dvh] w-[min(44rem,92vw)] overflow-y-auto rounded-xl border border-line bg-panel p-5 text-left text-ink backdrop:bg-black/60"
    >
      <div className="flex items-center justify-between">
        <h2 className="text-base font-semibold">{t.modelCard}</h2>
        <button type="button" className="control" onClick={() => dialog.current?.close()}>
          {common.close}
        </button>
      </div>
      <p className="mt-1 text-warn">{t.notice}</p>
      <Answer asked={asked}>
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
    </dialog>
  );
}
