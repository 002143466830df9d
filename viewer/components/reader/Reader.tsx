"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { KeyHelp } from "@/components/KeyHelp";
import { ProblemNote } from "@/components/ProblemNote";
import { Waiting } from "@/components/Waiting";
import { MaskPanel } from "@/components/reader/MaskPanel";
import { ReaderHeader } from "@/components/reader/ReaderHeader";
import { readerKeys } from "@/components/reader/keys";
import { SeriesList } from "@/components/reader/SeriesList";
import { SidePanel } from "@/components/reader/SidePanel";
import { Stage } from "@/components/reader/Stage";
import { Toolbar } from "@/components/reader/Toolbar";
import { useHotkeys } from "@/hooks/useHotkeys";
import { useMaskControls } from "@/hooks/useMaskControls";
import { useReader } from "@/hooks/useReader";
import { useStudy } from "@/hooks/useStudy";
import type { ToolName } from "@/lib/cornerstone";
import { personName } from "@/lib/format";
import { returnAddress } from "@/lib/listAddress";
import { Problem } from "@/lib/http";
import { presetsFor } from "@/lib/windowing";

const noStudy = new Problem(
  404,
  "No study was named.",
  "The address names no study.",
  "Choose one from the study list.",
  "no_study",
);

export function Reader({ studyInstanceUid }: { studyInstanceUid: string }) {
  const { study, findings, problem: studyProblem, stream, reload } = useStudy(studyInstanceUid);
  const reader = useReader(study, findings);
  const { scene, series, layout } = reader;
  const router = useRouter();
  const back = returnAddress(studyInstanceUid);
  const [tool, setTool] = useState<ToolName>("window");
  const [helpOpen, setHelpOpen] = useState(false);
  const controls = useMaskControls(scene, reader.masks.masks);

  useEffect(() => {
    if (study) document.title = `${personName(study.patient_name)} · MediViewAI`;
  }, [study]);

  const choose = (next: ToolName) => {
    setTool(next);
    scene?.useTool(next);
  };
  const changeLayout = () => {
    if (!series || series.order.volumeRefusal) return;
    const next = layout === "stack" ? "planes" : "stack";
    if (next === "stack" && tool === "crosshairs") choose("window");
    reader.setLayout(next);
  };
  const preset = (index: number) => {
    if (!scene?.openingRange || !series) return;
    const chosen = presetsFor(series.modality, scene.openingRange)[index];
    if (chosen) scene.setWindow(chosen.range);
  };
  const step = (by: number) => scene?.scrollBy(by);

  useHotkeys({
    ArrowUp: () => step(-1),
    ArrowDown: () => step(1),
    PageUp: () => step(-10),
    PageDown: () => step(10),
    Home: () => step(-100_000),
    End: () => step(100_000),
    w: () => choose("window"),
    z: () => choose("zoom"),
    p: () => choose("pan"),
    s: () => choose("scroll"),
    l: () => choose("length"),
    c: () => layout === "planes" && choose("crosshairs"),
    i: () => scene?.toggleInvert(),
    r: () => scene?.reset(),
    m: changeLayout,
    o: controls.toggleAll,
    Delete: () => scene?.removeMeasurements(),
    ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [String(n), () => preset(n - 1)])),
    "?": () => setHelpOpen(true),
    Escape: () => router.push(back),
  });

  if (!studyInstanceUid) {
    return (
      <div className="mx-auto max-w-xl p-10">
        <ProblemNote problem={noStudy} />
      </div>
    );
  }
  return (
    <div className="flex h-dvh min-h-[34rem] flex-col overflow-hidden">
      <ReaderHeader study={study} back={back} stream={stream} onHelp={() => setHelpOpen(true)} />
      {studyProblem && (
        <div className="p-3">
          <ProblemNote problem={studyProblem} />
        </div>
      )}
      {!study && !studyProblem && <Waiting text="Reading the study" />}
      {study && (
        <div className="flex min-h-0 flex-1 max-lg:flex-col max-lg:overflow-y-auto">
          <SeriesList
            study={study}
            openUid={reader.seriesInstanceUid}
            onOpen={reader.openSeries}
          />
          <main className="flex min-w-0 flex-1 flex-col max-lg:min-h-[70vh]">
            <Toolbar
              tool={tool}
              layout={layout}
              series={series}
              openingRange={scene?.openingRange ?? null}
              onTool={choose}
              onLayout={changeLayout}
              onWindow={(range) => scene?.setWindow(range)}
              onInvert={() => scene?.toggleInvert()}
              onReset={() => scene?.reset()}
              onClear={() => scene?.removeMeasurements()}
            />
            <Stage reader={reader} study={study} tool={tool} />
          </main>
          <SidePanel
            study={study}
            findings={findings}
            masks={reader.masks.masks}
            onShow={reader.showSegment}
            onChanged={reload}
          >
            <MaskPanel masks={reader.masks} controls={controls} onShow={reader.showSegment} />
          </SidePanel>
        </div>
      )}
      {helpOpen && <KeyHelp groups={readerKeys} onClose={() => setHelpOpen(false)} />}
    </div>
  );
}
