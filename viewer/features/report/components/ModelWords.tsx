import { useText } from "@/shared/hooks/useText";
import type { Report } from "@/shared/api/types";

/** What a model made of the draft: which one, what became of it, and what was withheld of its words. */
export function ModelWords({ words }: { words: NonNullable<Report["words"]> }) {
  const { report: t } = useText();
  return (
    <section className="space-y-1 text-xs text-dim" data-testid="words" data-state={words.state}>
      <p role="status">
        {t.words[words.state](`${words.model} ${words.revision}`.trim())} {t.answerNotice}
      </p>
      {words.notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
      {words.withheld.length > 0 && (
        <details>
          <summary className="cursor-pointer">{t.wordsWithheld(words.withheld.length)}</summary>
          {words.withheld.map((one, n) => (
            <p key={n} className="mt-1 text-warn" data-testid="withheld">
              <s>{one.text}</s> {t.withheld(one.reasons[0]?.text ?? "")}
            </p>
          ))}
        </details>
      )}
    </section>
  );
}
