"use client";

import { type InputHTMLAttributes, type ReactNode, useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Waiting } from "@/shared/components/Waiting";
import type { Fetched } from "@/shared/hooks/useFetched";
import type { Pages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";

/** The answer once it is there; until then that it is awaited, or why it is not. */
export function Answer<T>({ fetched, children }: { fetched: Fetched<T>; children: (value: T) => ReactNode }) {
  const { admin } = useText();
  return (
    <>
      {fetched.problem && <ProblemNote problem={fetched.problem} onRetry={fetched.reload} />}
      {fetched.value === null && !fetched.problem && <Waiting text={admin.reading} />}
      {fetched.value !== null && children(fetched.value)}
    </>
  );
}

export function Grid({
  label,
  columns,
  empty,
  children,
}: {
  label: string;
  columns: readonly string[];
  /** Shown in place of the table where it has no row; "" where it has some. */
  empty: string;
  children: ReactNode;
}) {
  if (empty) {
    return <p className="rounded-lg border border-line bg-panel p-6 text-dim">{empty}</p>;
  }
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-panel">
      <table aria-label={label} className="w-full border-collapse text-left [&_td]:px-3 [&_td]:py-2 [&_tbody_tr]:border-t [&_tbody_tr]:border-line">
        <thead>
          <tr className="text-xs text-dim">
            {columns.map((column) => (
              <th key={column} scope="col" className="px-3 py-2 font-medium">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="align-top">{children}</tbody>
      </table>
    </div>
  );
}

/** The open page of a list, a row each, and the way to the others. */
export function PagedGrid<T>({
  pages: { fetched, size, offset, go },
  empty,
  row,
  ...grid
}: {
  pages: Pages<T>;
  label: string;
  columns: readonly string[];
  /** Shown where there is no row. */
  empty: string;
  row: (item: T) => ReactNode;
}) {
  return (
    <Answer fetched={fetched}>
      {({ items, total }) => (
        <>
          <Grid {...grid} empty={items.length === 0 ? empty : ""}>
            {items.map(row)}
          </Grid>
          <Pager offset={offset} size={size} shown={items.length} total={total} onOffset={go} />
        </>
      )}
    </Answer>
  );
}

export const fieldClass =
  "mt-0.5 w-full rounded-md border border-line-strong bg-ground px-2 py-1.5 text-ink";

export function Field({ label, ...input }: { label: string } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="block text-xs text-dim">
      {label}
      <input className={fieldClass} {...input} />
    </label>
  );
}

/** One of a few words. */
export function Select<T extends string>({
  label,
  of,
  value,
  words,
  onChoose,
}: {
  label: string;
  of: readonly T[];
  value: T;
  words: (one: T) => string;
  onChoose: (chosen: T) => void;
}) {
  return (
    <label className="block text-xs text-dim">
      {label}
      <select className={fieldClass} value={value} onChange={(event) => onChoose(event.target.value as T)}>
        {of.map((one) => (
          <option key={one} value={one}>
            {words(one)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Some of a few words, as boxes to tick. */
export function Choices<T extends string>({
  label,
  of,
  chosen,
  words,
  onChoose,
}: {
  label: string;
  of: readonly T[];
  chosen: readonly T[];
  words?: Partial<Record<T, string>>;
  onChoose: (chosen: T[]) => void;
}) {
  return (
    <fieldset>
      <legend className="text-xs text-dim">{label}</legend>
      <div className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
        {of.map((one) => (
          <label key={one} className="flex items-center gap-1.5">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={chosen.includes(one)}
              onChange={(event) =>
                onChoose(event.target.checked ? [...chosen, one] : chosen.filter((other) => other !== one))
              }
            />
            {words?.[one] ?? one}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** For what cannot be taken back: the first press asks, the second does it. */
export function SureButton({
  word,
  label,
  busy,
  onSure,
}: {
  word: string;
  label: string;
  busy?: boolean;
  onSure: () => void;
}) {
  const { admin } = useText();
  const [asking, setAsking] = useState(false);
  return (
    <button
      type="button"
      className={`control px-2 py-0.5 ${asking ? "border-bad text-bad" : ""}`}
      aria-label={asking ? admin.sure(label) : label}
      disabled={busy}
      onBlur={() => setAsking(false)}
      onClick={() => {
        if (asking) onSure();
        setAsking(!asking);
      }}
    >
      {asking ? admin.sure(word) : word}
    </button>
  );
}

function Pager({
  offset,
  size,
  shown,
  total,
  onOffset,
}: {
  offset: number;
  size: number;
  shown: number;
  total: number;
  onOffset: (offset: number) => void;
}) {
  const { common } = useText();
  if (total <= size) return null;
  return (
    <nav aria-label={common.pages} className="mt-3 flex items-center gap-2 text-dim">
      <span>{common.range(String(offset + 1), String(offset + shown), String(total))}</span>
      <button type="button" className="control" disabled={offset === 0} onClick={() => onOffset(offset - size)}>
        {common.previous}
      </button>
      <button
        type="button"
        className="control"
        disabled={offset + shown >= total}
        onClick={() => onOffset(offset + size)}
      >
        {common.next}
      </button>
    </nav>
  );
}
