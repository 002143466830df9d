"use client";

import { useEffect, useState } from "react";
import { getHealth } from "@/lib/api";
import type { Health } from "@/lib/types";

const checkEveryMs = 30_000;

/** Says which parts of the node do not work; silent while all do. */
export function NodeStatus() {
  const [health, setHealth] = useState<Health | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const check = async () => {
      try {
        setHealth(await getHealth(controller.signal));
      } catch {
        // The list itself says that the node does not answer.
        setHealth(null);
      }
    };
    void check();
    const timer = setInterval(() => void check(), checkEveryMs);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, []);
  const broken = Object.entries(health?.parts ?? {}).filter(([, part]) => !part.ok);
  if (broken.length === 0) return null;
  return (
    <details className="relative text-xs" data-testid="node-degraded">
      <summary className="rounded-full border border-warn/60 px-2 py-px text-warn">
        Degraded: {broken.map(([name]) => name).join(", ")}
      </summary>
      <dl className="absolute right-0 z-20 mt-2 w-80 space-y-2 rounded-md border border-line bg-raised p-3">
        {broken.map(([name, part]) => (
          <div key={name}>
            <dt className="font-medium">{name}</dt>
            <dd className="text-dim">{part.detail || "Does not answer."}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
