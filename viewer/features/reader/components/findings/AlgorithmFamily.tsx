"use client";

import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { listModels } from "@/shared/api/api";
import type { Model } from "@/shared/api/types";

const asked = new Map<string, Promise<Model[]>>();

/** Each version is asked for once a page; a failed answer is asked for again. */
function ask(pipeline: string, version: string): Promise<Model[]> {
  const key = `${pipeline} ${version}`;
  const known = asked.get(key);
  if (known) return known;
  const models = listModels(pipeline, version);
  asked.set(key, models);
  models.catch(() => asked.delete(key));
  return models;
}

/** What kind of software made the results; nothing while, or where, the node does not know it. */
export function AlgorithmFamily({ pipeline, version }: { pipeline: string; version: string }) {
  const { reader: t } = useText();
  const { value: models } = useFetched(() => ask(pipeline, version), `${pipeline} ${version}`);
  const families = new Map(models?.map(({ algorithm_family: one }) => [one.value, one.meaning]));
  if (families.size === 0) return null;
  return (
    <span data-testid="algorithm-family">
      {" · "}
      {[...families].map(([code, meaning]) => t.algorithmFamilies[code] ?? meaning).join(", ")}
    </span>
  );
}
