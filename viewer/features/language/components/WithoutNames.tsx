import { CopyButton } from "@/shared/components/CopyButton";
import { useText } from "@/shared/hooks/useText";
import type { Answer } from "@/shared/api/types";

/** A text whose names and numbers were taken out, to be looked at and taken along. */
export function WithoutNames({ answer }: { answer: Answer }) {
  const { text: t } = useText();
  const pieces = answer.text.split(/(\[[A-Z_]+\])/);
  return (
    <div className="flex flex-col gap-2">
      <p className="text-[0.8125rem] text-warn">
        {t.takenOut(answer.spans?.length ?? 0)} {t.lookFirst}
      </p>
      <p
        data-testid="without-names"
        className="rounded-md border border-line bg-panel px-3 py-2 whitespace-pre-wrap"
      >
        {pieces.map((piece, n) =>
          n % 2 ? (
            <mark key={n} className="rounded bg-warn/20 text-warn">
              {piece}
            </mark>
          ) : (
            piece
          ),
        )}
      </p>
      {(answer.notes ?? []).map((note) => (
        <p key={note} lang="en" className="text-xs text-dim">
          {note}
        </p>
      ))}
      <div>
        <CopyButton text={answer.text} />
      </div>
    </div>
  );
}
