"use client";

import { useRouter } from "next/navigation";
import { useCallback, useEffect, useState } from "react";
import { ContextMenu } from "@/shared/components/ContextMenu";
import { KeyHelp } from "@/shared/components/KeyHelp";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Waiting } from "@/shared/components/Waiting";
import { FreeTextDialog } from "@/features/reader/components/measurements/FreeTextDialog";
import { beginClicking } from "@/features/reader/components/masks/ClickPanel";
import { drawPanel } from "@/features/reader/components/masks/DrawPanel";
import { PresentationList } from "@/features/reader/components/stage/PresentationList";
import { KeySettings } from "@/features/reader/components/tools/KeySettings";
import { ReadingPanels } from "@/features/reader/components/ReadingPanels";
import { ReaderHeader } from "@/features/reader/components/ReaderHeader";
import { ownReaderKeys } from "@/features/reader/lib/readerKeyHelp";
import { SeriesList } from "@/features/reader/components/SeriesList";
import { SidePane } from "@/features/reader/components/SidePane";
import { ClosedResults } from "@/features/reader/components/ClosedResults";
import { SidePanel } from "@/features/reader/components/SidePanel";
import { Stage } from "@/features/reader/components/stage/Stage";
import { viewActions } from "@/features/reader/components/viewActions";
import { ShareDialog } from "@/features/reader/components/sharing/ShareDialog";
import { TourBar, TourButton } from "@/features/reader/components/tour/TourBar";
import { Toolbar } from "@/features/reader/components/tools/Toolbar";
import { turnDegrees } from "@/features/reader/hooks/tools/useReformat";
import { useOwnKeys } from "@/features/reader/hooks/tools/useOwnKeys";
import { usePanes } from "@/features/reader/hooks/usePanes";
import { useReader, type Layout, type ReaderState } from "@/features/reader/hooks/useReader";
import { useReaderKeys } from "@/features/reader/hooks/useReaderKeys";
import { useReading } from "@/features/reader/hooks/useReading";
import { useStudy } from "@/features/reader/hooks/useStudy";
import { useStudyQueue } from "@/features/reader/hooks/useStudyQueue";
import { useTour } from "@/features/reader/hooks/useTour";
import { useText } from "@/shared/hooks/useText";
import { useAskedView, useViewAddress } from "@/features/reader/hooks/stage/useViewAddress";
import { type ToolName, type ViewId } from "@/cornerstone";
import { personName } from "@/shared/lib/format";
import { shownKey } from "@/shared/lib/keys/ownKeys";
import { mayLeave } from "@/shared/hooks/usePageLeave";
import { returnAddress } from "@/shared/lib/listAddress";
import { Problem } from "@/shared/api/problem";
import { cellCount } from "@/features/reader/lib/layout/layout";
import { viewStateOf } from "@/features/reader/lib/sharing/openedView";
import { isPriorOf } from "@/features/reader/lib/studies/otherStudies";

export function Reader({ studyInstanceUid }: { studyInstanceUid: string }) {
  const { study, findings, problem: studyProblem, stream, reload } = useStudy(studyInstanceUid);
  const asked = useAskedView(studyInstanceUid);
  const reader = useReader(study, findings, asked);
  const { viewing: t, reader: words } = useText();
  const panes = usePanes();
  const { scene, series, layout } = reader;
  const router = useRouter();
  const back = returnAddress(studyInstanceUid);
  const queue = useStudyQueue(studyInstanceUid);
  const [tool, setTool] = useState<ToolName>("window");
  const [helpOpen, setHelpOpen] = useState<"" | "keys" | "settings">("");
  const [sharing, setSharing] = useState(false);
  const ownKeys = useOwnKeys();
  const tour = useTour();
  const beginTour = () => {
    setHelpOpen("");
    tour.begin();
  };
  /** The series of which planes or a volume were asked for that it does not have. */
  const [refused, setRefused] = useState<ReaderState["series"]>(null);
  const [menu, setMenu] = useState<{ viewId: ViewId; at: { x: number; y: number } } | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);
  const reading = useReading(reader, studyInstanceUid, tool, reload);
  const { byKeys, controls, cine, clicking, curved, keyImages, measurements, reformat, slice, stackSlab, subtraction, texts, uptake, curves } = reading;
  useViewAddress(asked, studyInstanceUid, reader, slice);
  const toggleKeyImage = () => slice && keyImages.toggle(slice.sopInstanceUid, slice.frameNumber);

  useEffect(() => {
    if (study) document.title = `${personName(study.patient_name)} · MediViewAI`;
  }, [study]);

  const choose = (next: ToolName) => {
    setTool(next);
    scene?.mouse.use(next);
  };
  const open = (wanted: Layout) => {
    if (!series) return;
    if (series.order.volumeRefusal) {
      setRefused(series);
      return;
    }
    cine.stop();
    if (layout === "planes" && tool === "crosshairs") choose("window");
    reader.setLayout(layout === wanted ? "stack" : wanted);
  };

  const toggleCurved = () => {
    if (layout === "stack") open("planes");
    if (layout === "planes" || (layout === "stack" && !curved.isWanted && !series?.order.volumeRefusal)) curved.toggle();
  };
  const beginDrawing = () => {
    panes.results.open();
    document.getElementById("tab-findings")?.click();
    if (reading.drawing.open) document.getElementById(drawPanel)?.focus();
    else if (!reading.drawing.refusal) reading.drawing.begin();
  };
  const removeChosen = () => (curved.isEdited && curved.chosen !== null ? curved.remove(curved.chosen) : measurements.removeChosen());
  const { undo, redo } = reading.changing;
  useReaderKeys({
    reader,
    cine,
    choose,
    open,
    toggleMasks: () => {
      controls.toggleAll();
      reader.structureSets.toggleAll();
    },
    onHelp: () => setHelpOpen("keys"),
    onLeave: () => curved.isOpen ? curved.leave() : mayLeave(t.leaveUnsaved) && router.push(back),
    more: { Enter: byKeys.begin, "Ctrl+arrowright": () => queue.goTo(queue.place?.next ?? null), "Ctrl+arrowleft": () => queue.goTo(queue.place?.previous ?? null), "Ctrl+z": undo, "Ctrl+y": redo, "Ctrl+Shift+z": redo, C: () => (clicking.phase === "on" ? clicking.setInside(!clicking.inside) : document.getElementById(beginClicking)?.focus()), D: beginDrawing, k: toggleKeyImage, K: toggleCurved, S: panes.series.toggle, T: panes.results.toggle, O: reader.presentations.toggleMarks, H: () => reader.heatMaps.toggleOn(slice), M: stackSlab.isPossible ? stackSlab.next : reformat.nextProjection, "+": () => (stackSlab.isPossible ? stackSlab : reformat).thicken(1), "-": () => (stackSlab.isPossible ? stackSlab : reformat).thicken(-1), "(": () => reformat.tilt(turnDegrees), ")": () => reformat.tilt(-turnDegrees), Delete: removeChosen, Backspace: removeChosen },
  });

  if (!studyInstanceUid) {
    return (
      <div className="mx-auto max-w-xl p-10">
        <ProblemNote problem={new Problem(404, t.noStudy, "", t.noStudyRemedy, "no_study")} />
      </div>
    );
  }
  return (
    <div className="flex h-dvh min-h-[34rem] flex-col overflow-hidden">
      <ReaderHeader study={study} back={back} place={queue.place} onGoTo={queue.goTo} stream={stream} onShare={scene && reader.arrangement ? () => setSharing(true) : null} onHelp={() => setHelpOpen("keys")} />
      <TourBar tour={tour} />
      {studyProblem && (
        <div className="p-3">
          <ProblemNote problem={studyProblem} />
        </div>
      )}
      {!study && !studyProblem && <Waiting text={t.readingStudy} />}
      {study && (
        <div className="flex min-h-0 flex-1 max-lg:flex-col max-lg:overflow-y-auto">
          <SidePane pane={panes.series} side="left" name={t.series} shortcut="S">
          <SeriesList
            study={study}
            others={reader.others}
            otherPersons={reader.otherPersons}
            openUids={openUids(reader)}
            activeUid={reader.active?.seriesInstanceUid ?? null}
            onOpen={(ref) => reader.openSeries(ref)}
            onShowImage={reader.goingTo.goTo}
          >
            <PresentationList presentations={reader.presentations} />
          </SeriesList>
          </SidePane>
          <main
            className="flex min-w-0 flex-1 flex-col max-lg:min-h-[70vh]"
            onPointerDownCapture={reader.keep}
            onWheelCapture={reader.keep}
            onKeyDownCapture={({ key }) => key !== "Tab" && reader.keep()}
          >
            <Toolbar
              reader={reader}
              tool={tool}
              cine={cine}
              subtraction={subtraction}
              stackSlab={stackSlab}
              reformat={reformat}
              curved={curved}
              isKeyImage={slice !== null && keyImages.isKey(slice.sopInstanceUid, slice.frameNumber)}
              onTool={choose}
              onPlanes={() => open("planes")}
              onVolume={() => open("volume")}
              onKeyImage={toggleKeyImage}
            />
            {stackSlab.problem && <ProblemNote problem={stackSlab.problem} />}
            {subtraction.problem && <ProblemNote problem={subtraction.problem} />}
            <Stage
              reader={reader}
              study={study}
              tool={tool}
              uptakeOn={uptake.on}
              pointsOn={curves.on}
              subtractionOf={subtraction.of}
              curved={curved}
              working={byKeys.working}
              refusal={refused !== null && refused === series ? refused.order.volumeRefusal : ""}
              onMenu={(viewId, x, y) => setMenu({ viewId, at: { x, y } })}
            />
          </main>
          <SidePane
            pane={panes.results}
            side="right"
            name={words.results}
            shortcut="T"
            strip={<ClosedResults hasAlerts={(study.open_alerts ?? 0) > 0} onOpen={panes.results.open} />}
          >
          <SidePanel
            study={study}
            priors={reader.others.filter((one) => isPriorOf(one, study))}
            findings={findings}
            masks={reader.masks.masks}
            insertions={texts.insertions}
            measurements={texts.insertable}
            onShow={reader.showSegment}
            heatMaps={reader.heatMaps}
            onShowImageOf={reader.showImageOf}
            onShowImage={reader.goingTo.goTo}
            onChanged={reload}
            onOpen={panes.results.open}
            onToReport={texts.putFinding}
          >
            <div className="contents" onPointerDownCapture={reader.keep}>
              <ReadingPanels study={study} findings={findings} reader={reader} reading={reading} />
            </div>
          </SidePanel>
          </SidePane>
        </div>
      )}
      {menu && (
        <ContextMenu
          label={t.contextMenu}
          at={menu.at}
          onClose={closeMenu}
          actions={viewActions({ reader, viewId: menu.viewId, undo, redo, measurements, toggleKeyImage, share: () => setSharing(true), shown: (usual) => shownKey(usual, ownKeys), at: menu.at })}
        />
      )}
      <FreeTextDialog />
      {sharing && scene && study && (
        <ShareDialog
          studyInstanceUid={studyInstanceUid}
          view={() => viewStateOf({ layout, arrangement: reader.arrangement, image: slice }, scene.shownViewports, studyInstanceUid)}
          onClose={() => setSharing(false)}
        />
      )}
      {helpOpen === "keys" && <KeyHelp groups={ownReaderKeys(t, ownKeys)} onEdit={() => setHelpOpen("settings")} more={<TourButton onClick={beginTour} />} onClose={() => setHelpOpen("")} />}
      {helpOpen === "settings" && <KeySettings onClose={() => setHelpOpen("")} />}
    </div>
  );
}

function openUids({ arrangement }: ReaderState): Set<string> {
  const shown = arrangement ? arrangement.cells.slice(0, cellCount(arrangement)) : [];
  return new Set(shown.flatMap((ref) => ref?.seriesInstanceUid ?? []));
}
