"use client";

import { CopyButton } from "@/shared/components/CopyButton";
import { useText } from "@/shared/hooks/useText";

/** What is shown this once: it can't be asked for again. */
export function Secret({ of, value, onClose }: { of: string; value: string; onClose: () => void }) {
  const { admin: t, common } = useText();
  return (
    <section role="alert" className="mb-4 max-w-3xl rounded-lg border border-warn/60 bg-warn/8 p-4">
      <p className="font-medium text-warn">{t.secretOnce(of)}</p>
      <code data-testid="secret" className="mt-2 block rounded bg-ground px-3 py-2 break-all select-all">
        {value}
      </code>
      <div className="mt-2 flex gap-2">
        <CopyButton text={value} />
        <button type="button" className="control" onClick={onClose}>
          {common.close}
        </button>
      </div>
    </section>
  );
}
