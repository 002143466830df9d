"use client";

import { useEffect, useState } from "react";
import { useText } from "@/shared/hooks/useText";
import { getHealth, type StreamState } from "@/shared/api/api";
import { detailText, languageOf } from "@/shared/lib/reasons";
import type { Health } from "@/shared/api/types";

const checkEveryMs = 30_000;
/** A browser writes each 503 to its console, so a node that takes nothing in is asked seldom. */
const checkDownEveryMs = 300_000;

/** Says which parts of the node do not work; silent while all do. Asked again when the stream returns. */
export function NodeStatus({ stream }: { stream: StreamState }) {
  const [health, setHealth] = useState<Health | null>(null);
  const { common, admin } = useText();
  const titleOf = (part: string) => admin.healthParts[part] ?? part;
  const lost = stream === "lost";
  useEffect(() => {
    // Without the stream there is no node to ask, and the page says so already.
    if (lost) return;
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const check = async () => {
      let pauseMs = checkEveryMs;
      try {
        const found = await getHealth(controller.signal);
        setHealth(found);
        if (!found.takesIn) pauseMs = checkDownEveryMs;
      } catch {
        if (controller.signal.aborted) return;
        // The list itself says that the node does not answer.
        setHealth(null);
        pauseMs = checkDownEveryMs;
      }
      if (!controller.signal.aborted) timer = setTimeout(() => void check(), pauseMs);
    };
    void check();
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [lost]);
  const broken = Object.entries(health?.parts ?? {}).filter(([, part]) => !part.ok);
  if (broken.length === 0) return null;
  return (
    <details className="relative text-xs" data-testid="node-degraded">
      <summary className="max-w-48 truncate rounded-full border border-warn/60 px-2 py-px text-warn">
        {common.degraded(broken.map(([name]) => titleOf(name)).join(", "))}
      </summary>
      <dl className="absolute right-0 z-20 mt-2 w-80 space-y-2 rounded-md border border-line bg-raised p-3">
        {broken.map(([name, part]) => (
          <div key={name}>
            <dt className="font-medium">{titleOf(name)}</dt>
            <dd className="text-dim" lang={part.detail ? languageOf(detailText(part), part.detail) : undefined}>
              {detailText(part) || common.doesNotAnswer}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
