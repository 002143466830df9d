"use client";

import { useEffect, useState } from "react";
import { listPipelines } from "@/shared/api/api";
import { PipelineTitles } from "@/shared/lib/pipelineTitles";

let asked: Promise<PipelineTitles> | null = null;

/** The node's pipelines are asked for once a page; a failed answer is asked for again. */
function ask(): Promise<PipelineTitles> {
  asked ??= listPipelines().then((pipelines) => new PipelineTitles(pipelines));
  asked.catch(() => {
    asked = null;
  });
  return asked;
}

const fromNames = new PipelineTitles([]);

/** What the node calls its pipelines; made from their names until it has answered. */
export function usePipelineTitles(): PipelineTitles {
  const [titles, setTitles] = useState(fromNames);
  useEffect(() => {
    let gone = false;
    ask().then(
      (found) => !gone && setTitles(found),
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, []);
  return titles;
}
