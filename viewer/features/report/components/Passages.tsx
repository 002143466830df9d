"use client";

import { useState } from "react";
import { Dialog } from "@/shared/components/Dialog";
import { useText } from "@/shared/hooks/useText";
import { pageUrl } from "@/features/language/lib/askApi";
import type { Answer, AnswerPassage } from "@/shared/api/types";

/** Where on the pages the answer stands, the likeliest place first; one is shown at a time. */
export function Passages({ answer, passages }: { answer: Answer; passages: readonly AnswerPassage[] }) {
  const { report: t } = useText();
  const [chosen, setChosen] = useState(0);
  const [large, setLarge] = useState(false);
  const passage = passages[chosen] ?? passages[0]!;
  const title = t.pageNumber(passage.page_number);
  return (
    <figure className="space-y-1.5">
      {passages.length > 1 && (
        <div role="group" aria-label={t.places} className="flex flex-wrap gap-1">
          {passages.map((one, place) => (
            <button
              key={place}
              type="button"
              className="control px-2 py-0.5 text-xs aria-pressed:border-accent aria-pressed:text-accent"
              aria-pressed={place === chosen}
              title={one.text}
              onClick={() => setChosen(place)}
            >
              {t.place(place + 1, Math.round(one.score * 100))}
            </button>
          ))}
        </div>
      )}
      <button
        type="button"
        className="block w-full rounded-md border border-line hover:border-line-strong"
        aria-label={t.enlarge(passage.page_number)}
        onClick={() => setLarge(true)}
      >
        <PagePicture answer={answer} passage={passage} title={title} />
      </button>
      <figcaption className="text-xs text-dim">
        {title} · “{passage.text}”
      </figcaption>
      {large && (
        <Dialog title={title} testId="page-large" wide onClose={() => setLarge(false)}>
          <PagePicture answer={answer} passage={passage} title={title} />
          <p className="mt-2 text-[0.8125rem]">“{passage.text}”</p>
        </Dialog>
      )}
    </figure>
  );
}

function PagePicture({ answer, passage, title }: { answer: Answer; passage: AnswerPassage; title: string }) {
  const [left = 0, top = 0, right = 1, bottom = 1] = passage.box;
  const part = (from: number, to: number) => `${(to - from) * 100}%`;
  return (
    <span className="relative block bg-white">
      {/* A picture of the node's own: nothing for next/image to do. */}
      {/* eslint-disable-next-line @next/next/no-img-element */}
      <img src={pageUrl(answer, passage.page_number)} alt={title} className="block w-full" data-testid="page" />
      <span
        aria-hidden="true"
        data-testid="passage-box"
        className="absolute rounded-sm bg-amber-400/25 outline-2 outline-offset-1 outline-orange-700"
        style={{ left: part(0, left), top: part(0, top), width: part(left, right), height: part(top, bottom) }}
      />
    </span>
  );
}
