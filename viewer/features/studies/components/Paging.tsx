import { useText } from "@/shared/hooks/useText";
import { number } from "@/shared/lib/format";

export function Paging({
  offset,
  shown,
  total,
  size,
  onOffset,
}: {
  offset: number;
  shown: number;
  total: number;
  size: number;
  onOffset: (offset: number) => void;
}) {
  const { common, studyList: t } = useText();
  const last = Math.max(0, Math.floor((total - 1) / size) * size);
  const to = (word: string, next: number) => (
    <button
      type="button"
      className="control"
      disabled={next === offset || next < 0 || next > last}
      onClick={() => onOffset(next)}
    >
      {word}
    </button>
  );
  return (
    <nav aria-label={common.pages} className="mt-3 flex items-center gap-2 text-dim">
      <span data-testid="study-count" className="mr-2">
        {total === shown
          ? t.count(number(total), total === 1)
          : t.rangeOf(number(offset + 1), number(offset + shown), number(total))}
      </span>
      {total > shown && (
        <>
          {to(common.first, 0)}
          {to(common.previous, offset - size)}
          {to(common.next, offset + size)}
          {to(common.last, last)}
        </>
      )}
    </nav>
  );
}
