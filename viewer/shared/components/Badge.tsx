import type { Tone } from "@/shared/lib/state";

const tones: Record<Tone, string> = {
  quiet: "border-line-strong text-dim",
  busy: "border-accent/60 text-accent",
  good: "border-good/60 text-good",
  warn: "border-warn/60 text-warn",
  bad: "border-bad/60 text-bad",
};

export function Badge({ word, tone, title, testId }: { word: string; tone: Tone; title?: string; testId?: string }) {
  return (
    <span
      className={`inline-block rounded-full border px-2 py-px text-xs whitespace-nowrap ${tones[tone]}`}
      title={title}
      data-testid={testId}
    >
      {word}
    </span>
  );
}
