"use client";

import { useState, type ChangeEvent } from "react";
import { readProtocols, saveProtocols } from "@/features/admin/lib/hangingFile";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";
import type { HangingProtocol } from "@/shared/api/types";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";

/** One's own protocols to a file, and those of a file in their place once the node has taken them. */
export function ProtocolsFile({
  protocols,
  onRead,
}: {
  protocols: readonly HangingProtocol[];
  onRead: (protocols: HangingProtocol[]) => Promise<boolean>;
}) {
  const { hangingProtocols: t } = useText();
  const [problem, setProblem] = useState<Problem | null>(null);
  const read = async (event: ChangeEvent<HTMLInputElement>) => {
    const input = event.target;
    const file = input.files?.[0];
    setProblem(null);
    try {
      if (file) await onRead(await readProtocols(file));
    } catch (error) {
      setProblem(asProblem(error));
    }
    // The same file, corrected, can be chosen again.
    input.value = "";
  };
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <button type="button" className="control" data-testid="export-hanging" onClick={() => saveProtocols(protocols)}>
          {t.exportFile}
        </button>
        <label className="control cursor-pointer focus-within:border-accent">
          {t.importFile}
          <input type="file" accept=".json,application/json" className="sr-only" data-testid="import-hanging" onChange={(event) => void read(event)} />
        </label>
      </div>
      {problem && <ProblemNote problem={problem} />}
    </div>
  );
}
