"use client";

import { useState } from "react";
import { useOwnKeys } from "@/features/reader/hooks/tools/useOwnKeys";
import { readerKeys } from "@/features/reader/lib/readerKeyHelp";
import { Dialog } from "@/shared/components/Dialog";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { conflictOf, isMovable, shownKey, withKey } from "@/shared/lib/keys/ownKeys";

/** The keys of the reader, each of which a person may move to another one; kept on the node for that person. */
export function KeySettings({ onClose }: { onClose: () => void }) {
  const { viewing } = useText();
  const { keySettings: t } = viewing;
  const own = useOwnKeys();
  const { choose, problem } = usePreferences();
  const [refused, setRefused] = useState<{ usual: string; why: string } | null>(null);
  const groups = readerKeys(viewing);
  const entries = groups.flatMap(({ keys }) => keys);
  const all = [...entries.flatMap(({ keys }) => keys), ..."0123456789"];
  const doesOf = (usual: string) => entries.find(({ keys }) => keys.includes(usual))?.does ?? viewing.keys.presets;
  const move = (usual: string, key: string) => {
    const other = conflictOf(usual, key, all, own);
    const why = !isMovable(key) ? t.notMovable(key) : other === null ? "" : t.conflict(key, doesOf(other));
    setRefused(why ? { usual, why } : null);
    if (!why) choose({ keys: withKey(usual, key, own) });
  };
  return (
    <Dialog title={t.title} testId="key-settings" wide onClose={onClose}>
      <p className="mb-3 text-sm text-dim">{t.hint}</p>
      <div className="gap-x-8 sm:columns-2">
        {groups.map(({ title, keys }) => {
          const movable = keys.flatMap(({ keys: of, does }) => of.filter(isMovable).map((usual) => ({ usual, does })));
          return movable.length === 0 ? null : (
            <section key={title} className="mb-4 break-inside-avoid">
              <h3 className="section-title mb-1">{title}</h3>
              {movable.map(({ usual, does }) => (
                <div key={usual} className="py-0.5">
                  <label className="flex items-center gap-3 text-sm">
                    <input
                      className="control w-10 px-1 py-0 text-center font-mono"
                      data-testid="own-key"
                      data-usual={usual}
                      aria-invalid={refused?.usual === usual}
                      aria-describedby={refused?.usual === usual ? "refused-key" : undefined}
                      autoComplete="off"
                      spellCheck={false}
                      value={shownKey(usual, own)}
                      onFocus={(event) => event.target.select()}
                      onChange={(event) => {
                        const key = event.target.value.slice(-1);
                        if (key) move(usual, key);
                      }}
                    />
                    <span>{t.movedFrom(does, usual, shownKey(usual, own))}</span>
                  </label>
                  {refused?.usual === usual && (
                    <p id="refused-key" role="alert" className="text-xs text-warn" data-testid="refused-key">
                      {refused.why}
                    </p>
                  )}
                </div>
              ))}
            </section>
          );
        })}
      </div>
      {problem && <ProblemNote problem={problem} />}
      <button
        type="button"
        className="control"
        data-testid="usual-keys"
        disabled={own.length === 0}
        onClick={() => {
          setRefused(null);
          choose({ keys: [] });
        }}
      >
        {t.usual}
      </button>
    </Dialog>
  );
}
