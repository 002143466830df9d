"use client";

import { useText } from "@/shared/hooks/useText";

/** The codes, which are shown this once. */
export function RecoveryCodes({ codes, onKept }: { codes: readonly string[]; onKept: () => void }) {
  const { account: t } = useText();
  return (
    <section
      aria-label={t.recoveryCodes}
      className="space-y-3 rounded-lg border border-line bg-panel p-4"
      data-testid="recovery-codes"
    >
      <h2 className="section-title">{t.recoveryCodes}</h2>
      <p>{t.recoveryCodesWhat}</p>
      <ul className="grid gap-1 font-mono text-sm sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <button type="button" className="control" onClick={onKept}>
        {t.recoveryCodesKept}
      </button>
    </section>
  );
}
