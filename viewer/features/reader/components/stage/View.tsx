"use client";

import { useCallback, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { CursorMark } from "@/features/reader/components/stage/CursorMark";
import { CursorValue } from "@/features/reader/components/measurements/CursorValue";
import { ViewDose } from "@/features/reader/components/dose/ViewDose";
import { HeatMarks, ViewHeat } from "@/features/reader/components/stage/ViewHeat";
import { videoPlaceOf } from "@/features/reader/lib/videos";
import { ReferenceMark } from "@/features/reader/components/stage/ReferenceMark";
import type { Reference } from "@/features/reader/hooks/stage/useReferencePoint";
import { fixed } from "@/shared/lib/format";
import { FrameNotice } from "@/features/reader/components/stage/FrameNotice";
import { StandIn } from "@/features/reader/components/stage/StandIn";
import { StoredVideo } from "@/features/reader/components/stage/StoredVideo";
import { ViewContours } from "@/features/reader/components/stage/ViewContours";
import { ViewSections } from "@/features/reader/components/stage/ViewSections";
import { ViewMarks } from "@/features/reader/components/stage/ViewMarks";
import { ViewOverlay } from "@/features/reader/components/stage/ViewOverlay";
import { turnDegrees } from "@/features/reader/hooks/tools/useReformat";
import type { SubtractionState } from "@/features/reader/hooks/tools/useSubtraction";
import type { UptakeState } from "@/features/reader/hooks/measurements/useUptake";
import type { StructureSets } from "@/features/reader/hooks/masks/useStructureSets";
import type { HeatMaps } from "@/features/reader/hooks/findings/useHeatMaps";
import type { DoseState } from "@/features/reader/hooks/dose/useDose";
import { useText } from "@/shared/hooks/useText";
import { placeLines } from "@/features/reader/lib/planeText";
import type { LoadedSeries, Matrix, Plane, Scene, ToolName, ValueAt, ViewId } from "@/cornerstone";
import type { DrawnContour } from "@/dicom/segmentation/structureSet";
import type { PresentationState } from "@/dicom/display/presentation";
import type { StudyDetail } from "@/shared/api/types";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";

const cursors: Partial<Record<ToolName, string>> = {
  window: "cursor-default",
  pan: "cursor-grab",
  scroll: "cursor-ns-resize",
  zoom: "cursor-zoom-in",
};

const steps: Partial<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 };

const turns: Partial<Record<string, number>> = { "(": turnDegrees, ")": -turnDegrees };

export interface ViewProps {
  viewId: ViewId;
  scene: Scene | null;
  views: ViewStore;
  series: LoadedSeries | null;
  study: StudyDetail | undefined;
  /** Where the series is of another study than the one that is read: which, "Earlier study, −2 y". */
  otherStudyMark?: string;
  tool: ToolName;
  active: boolean;
  withPatient: boolean;
  className?: string;
  /** How the series is presented, and whether what lies over its images is drawn. */
  presentation?: PresentationState | null;
  marksShown?: boolean;
  /** The contours of structure sets on a slice of a series. */
  contoursOn?: (series: LoadedSeries, index: number) => readonly DrawnContour[];
  /** Where a plane through the volume of a series cuts structures. */
  sectionsOn?: StructureSets["onPlane"];
  /** More over an image of a stack, drawn in pixels of the screen. */
  overImage?: (series: LoadedSeries, index: number, matrix: Matrix) => ReactNode;
  /** The dose that lies over the images. */
  dose?: DoseState;
  /** The heat maps that lie over images. */
  heatMaps?: HeatMaps;
  /** What counts of the uptake on an image of a PET. */
  uptakeOn?: UptakeState["on"];
  /** The place of the patient that is marked in all views. */
  reference?: Reference;
  /** Which mask is subtracted from an image. */
  subtractionOf?: SubtractionState["of"];
  onAttach: (viewId: ViewId, element: HTMLDivElement | null) => void;
  onActivate?: () => void;
  /** Double click: this viewport alone, or back to the layout. */
  onMaximise?: () => void;
  /** The menu was asked for at a point of the window. */
  onMenu?: (viewId: ViewId, x: number, y: number) => void;
  /** Images that could not be shown are to be asked for again. */
  onRetry?: () => void;
  /** A series was dropped here: its study and its own UID, apart by a space. */
  onDropSeries?: (dropped: string) => void;
  children?: ReactNode;
}

/** A hand is not still: so far a press may wander and be none the less in place. */
const inPlacePx = 4;

const asOnScreen: Matrix = [1, 0, 0, 1, 0, 0];

const uptakeLook = { wash: true, lines: false, opacity: 0.45 };

export const seriesDragType = "application/x-mediview-series";

/** One viewport: the element that Cornerstone draws in, and the text over it. */
export function View(props: ViewProps) {
  const { viewId, scene, views, series, study, tool, active, onAttach, onActivate, onDropSeries } = props;
  const { viewing: t } = useText();
  const shown = useSyncExternalStore(
    views.subscribe,
    useCallback(() => views.get(viewId), [views, viewId]),
    useCallback(() => views.get(viewId), [views, viewId]),
  );
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const { info, imageRendered, maskLoaded, undrawable, loading, beyondMm, cursor } = shown;
  // The right button zooms when it is dragged; pressed and let go in place it asks for the menu.
  const pressed = useRef<{ x: number; y: number } | null>(null);
  const attach = useCallback(
    (element: HTMLDivElement | null) => {
      if (!element) return undefined;
      onAttach(viewId, element);
      setElement(element);
      const observer = new ResizeObserver(() => scene?.resize());
      observer.observe(element);
      return () => {
        observer.disconnect();
        setElement(null);
        onAttach(viewId, null);
      };
    },
    [onAttach, viewId, scene],
  );
  const { dose, heatMaps, uptakeOn } = props;
  const index = info ? info.sliceNumber - 1 : -1;
  const shownPlane = info?.plane ?? null;
  const dosePicture = useMemo(() => {
    if (!dose || !series || undrawable || !props.marksShown) return null;
    // A slab shows many places at once, and a dose has one value for each.
    if (shownPlane) return shownPlane.slab.projection === "slice" ? dose.onPlane(series, shownPlane.screen) : null;
    return index >= 0 ? dose.on(series, index) : null;
  }, [dose, series, undrawable, props.marksShown, shownPlane, index]);
  const sectionsOn = props.marksShown ? props.sectionsOn : undefined;
  const sections = useMemo(
    () => (series && shownPlane?.slab.projection === "slice" && sectionsOn ? sectionsOn(series, shownPlane.screen) : []),
    [series, shownPlane, sectionsOn],
  );
  const videoPlace = undrawable && series ? videoPlaceOf(series, undrawable) : null;
  const screenMatrix = info?.imageMatrix ?? (shownPlane ? asOnScreen : null);
  const uptakePicture = useMemo(
    () => (uptakeOn && series && index >= 0 ? uptakeOn(series, index) : null),
    [uptakeOn, series, index],
  );
  const heat = heatMaps && series && info?.imageMatrix && !undrawable && props.marksShown ? heatMaps.on(series, index) : [];
  const doseAt = useCallback(
    ({ column, row, lpsMm }: ValueAt) => {
      if (!dose || !series || index < 0) return "";
      return lpsMm ? dose.textAtPoint(series, lpsMm) : dose.textAt(series, index, column, row);
    },
    [dose, series, index],
  );
  const referred = info && series && !undrawable ? (props.reference?.on(series, info) ?? null) : null;
  const description = study?.series.find(
    (one) => one.series_instance_uid === series?.seriesInstanceUid,
  )?.series_description;
  const place = undrawable ?? info;
  const title = viewId in t.planes ? t.planes[viewId as keyof typeof t.planes] : "";
  const position = place ? t.sliceOf(place.sliceNumber, place.sliceCount) : series ? t.loading : t.empty;
  const where = shownPlane ? `, ${placeLines(shownPlane).join(", ")}` : "";
  const heated = heat.length > 0 ? `, ${t.heatMaps.onImage(heat.map(({ finding }) => finding.label).join(", "))}` : "";
  const mark = props.otherStudyMark ? `, ${props.otherStudyMark}` : "";
  return (
    <div
      data-testid="viewport"
      data-view={viewId}
      data-active={active}
      data-series={series?.seriesInstanceUid ?? ""}
      data-image-rendered={imageRendered && !undrawable}
      data-mask-loaded={maskLoaded && (info?.settled ?? false)}
      data-slice-number={place?.sliceNumber ?? ""}
      data-reformat={info?.isReformat ?? false}
      data-slice-count={place?.sliceCount ?? ""}
      data-loaded={loading ? loading.loaded : "all"}
      tabIndex={0}
      role="img"
      aria-label={`${title || t.image}, ${description || t.series}${mark}, ${position}${where}${heated}${referred ? t.reference.inView(fixed(Math.abs(referred.offMm), 1)) : ""}`}
      onFocus={onActivate}
      onPointerDownCapture={(event) => {
        onActivate?.();
        pressed.current = event.button === 2 ? { x: event.clientX, y: event.clientY } : null;
      }}
      onPointerUpCapture={({ button, clientX, clientY }) => {
        const from = pressed.current;
        pressed.current = null;
        if (button !== 2 || !from || Math.hypot(clientX - from.x, clientY - from.y) > inPlacePx) return;
        props.onMenu?.(viewId, clientX, clientY);
      }}
      onPointerMove={({ shiftKey, buttons, clientX, clientY }) => {
        if (!shiftKey || buttons !== 0 || !element) {
          scene?.cursor.hide();
          return;
        }
        const { left, top } = element.getBoundingClientRect();
        const lpsMm = scene?.places.lpsAt(viewId, [clientX - left, clientY - top]);
        if (lpsMm) scene?.cursor.show(viewId, lpsMm);
      }}
      onPointerLeave={() => scene?.cursor.hide()}
      onDoubleClickCapture={() => props.onMaximise?.()}
      onDragOver={(event) => {
        if (onDropSeries && event.dataTransfer.types.includes(seriesDragType)) event.preventDefault();
      }}
      onDrop={(event) => {
        const dropped = event.dataTransfer.getData(seriesDragType);
        if (dropped) onDropSeries?.(dropped);
      }}
      onKeyDown={(event) => {
        // Arrow keys move the view that has the focus; the page's own keys move the active one.
        if (event.key === "ContextMenu" || (event.shiftKey && event.key === "F10")) {
          event.preventDefault();
          const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
          props.onMenu?.(viewId, left + width / 2, top + height / 2);
          return;
        }
        const turn = turns[event.key];
        if (turn !== undefined && title && shownPlane) {
          event.preventDefault();
          event.stopPropagation();
          scene?.planes.tilt(viewId as Plane, turn);
          return;
        }
        const step = steps[event.key];
        if (step === undefined || event.altKey || event.ctrlKey) return;
        event.preventDefault();
        event.stopPropagation();
        scene?.navigation.scrollBy(step, viewId);
      }}
      className={`relative min-h-0 min-w-0 touch-none bg-black focus-visible:-outline-offset-2 ${props.className ?? ""} ${
        cursors[tool] ?? "cursor-crosshair"
      }`}
    >
      <div
        ref={attach}
        className="absolute inset-0 overflow-hidden"
        // Cornerstone prevents every key inside its element, Tab too: the focus stays outside it.
        onFocus={(event) => event.currentTarget.parentElement?.focus({ preventScroll: true })}
        onContextMenu={(event) => event.preventDefault()}
      />
      {undrawable && series && videoPlace && (
        <StoredVideo key={videoPlace.join(" ")} place={videoPlace} name={description || t.video.name} />
      )}
      {undrawable && series && !videoPlace && (
        <StandIn key={`${undrawable.sopInstanceUid}#${undrawable.frameNumber}`} series={series} undrawable={undrawable} onRetry={() => props.onRetry?.()} />
      )}
      {series && series.instanceCount > 0 && series.imageIds.length === 0 && (
        <div className="pointer-events-none absolute inset-0">
          <FrameNotice {...t.frameCauses.withoutPixels} />
        </div>
      )}
      {dosePicture && screenMatrix && dose?.look && <ViewDose picture={dosePicture} look={dose.look} matrix={screenMatrix} />}
      {uptakePicture && info?.imageMatrix && !undrawable && props.marksShown && (
        <ViewDose picture={uptakePicture} look={uptakeLook} matrix={info.imageMatrix} />
      )}
      {info?.imageMatrix && heatMaps && heat.length > 0 && <ViewHeat drawn={heat} matrix={info.imageMatrix} opacity={heatMaps.opacity} />}
      {info?.imageMatrix && !undrawable && series && props.marksShown && (
        <ViewMarks info={info} matrix={info.imageMatrix} series={series} state={props.presentation ?? null} />
      )}
      {info?.imageMatrix && !undrawable && series && props.marksShown && props.contoursOn && (
        <ViewContours matrix={info.imageMatrix} contours={props.contoursOn(series, info.sliceNumber - 1)} />
      )}
      {info?.imageMatrix && !undrawable && series && props.marksShown && props.overImage?.(series, index, info.imageMatrix)}
      <ViewSections sections={sections} />
      {heat.length > 0 && <HeatMarks drawn={heat} />}
      {info && !undrawable && study && (
        <ViewOverlay
          info={info}
          title={title}
          study={study}
          description={description ?? ""}
          otherStudyMark={props.otherStudyMark ?? ""}
          withPatient={props.withPatient}
          series={series}
          subtraction={series && index >= 0 ? (props.subtractionOf?.(series, index) ?? null) : null}
          // A stack draws whole images alone; a volume draws what has not come as one flat grey.
          missing={title ? loading : null}
          beyondMm={beyondMm}
          cursorValue={<CursorValue scene={scene} viewId={viewId} element={element} more={doseAt} />}
        />
      )}
      {referred && screenMatrix && <ReferenceMark place={referred} matrix={screenMatrix} />}
      {cursor && !undrawable && <CursorMark place={cursor} />}
      {active && (
        <div aria-hidden="true" className="pointer-events-none absolute inset-0 border border-accent/80" data-testid="active-frame" />
      )}
      {props.children}
      {loading && (
        <div
          className="absolute inset-x-0 bottom-0 h-1 bg-line"
          role="progressbar"
          aria-label={t.imagesLoaded}
          aria-valuemin={0}
          aria-valuemax={loading.total}
          aria-valuenow={loading.loaded}
        >
          <div className="h-full bg-accent/80" style={{ width: `${(100 * loading.loaded) / loading.total}%` }} />
        </div>
      )}
    </div>
  );
}
