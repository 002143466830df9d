"use client";

import { useCallback, useSyncExternalStore } from "react";
import { StandIn } from "@/components/reader/StandIn";
import type { ReaderState } from "@/hooks/useReader";
import type { ToolName, ViewId, ViewInfo } from "@/lib/cornerstone";
import { dicomDate, personName } from "@/lib/format";
import { hasOrientation } from "@/lib/geometry";
import type { StudyDetail } from "@/lib/types";

const titles: Record<ViewId, string> = {
  stack: "",
  axial: "Axial",
  sagittal: "Sagittal",
  coronal: "Coronal",
};

const cursors: Partial<Record<ToolName, string>> = { length: "cursor-crosshair" };

/** One viewport: the element that Cornerstone draws in, and the text over it. */
export function View({
  viewId,
  reader,
  study,
  description,
  tool,
  large,
}: {
  viewId: ViewId;
  reader: ReaderState;
  study: StudyDetail;
  description: string;
  tool: ToolName;
  large: boolean;
}) {
  const { views, elements, series, scene } = reader;
  const { info, imageRendered, maskLoaded, undrawable } = useSyncExternalStore(
    views.subscribe,
    useCallback(() => views.get(viewId), [views, viewId]),
    useCallback(() => views.get(viewId), [views, viewId]),
  );
  const attach = useCallback(
    (element: HTMLDivElement | null) => {
      if (!element) return undefined;
      const map = elements.current;
      map.set(viewId, element);
      return () => {
        map.delete(viewId);
      };
    },
    [elements, viewId],
  );
  const place = undrawable ?? info;
  const position = place ? `slice ${place.sliceNumber} of ${place.sliceCount}` : "loading";
  return (
    <div
      data-testid="viewport"
      data-view={viewId}
      data-image-rendered={imageRendered && !undrawable}
      data-mask-loaded={maskLoaded && (info?.settled ?? false)}
      data-slice-number={place?.sliceNumber ?? ""}
      data-slice-count={place?.sliceCount ?? ""}
      tabIndex={0}
      role="img"
      aria-label={`${titles[viewId] || "Image"}, ${description || "series"}, ${position}`}
      onKeyDown={(event) => {
        // Arrow keys move the view that has the focus; the page's own keys move the first one.
        const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
        if (step !== undefined && viewId !== "stack") {
          event.preventDefault();
          event.stopPropagation();
          scene?.scrollBy(step, viewId);
        }
      }}
      className={`relative min-h-0 min-w-0 bg-black focus-visible:-outline-offset-2 ${
        large ? "xl:row-span-2" : ""
      } ${cursors[tool] ?? ""}`}
    >
      <div
        ref={attach}
        className="absolute inset-0 overflow-hidden"
        // Cornerstone prevents every key inside its element, Tab too: the focus stays outside it.
        onFocus={(event) => event.currentTarget.parentElement?.focus({ preventScroll: true })}
        onContextMenu={(event) => event.preventDefault()}
      />
      {undrawable && series && (
        <StandIn key={`${undrawable.sopInstanceUid}#${undrawable.frameNumber}`} series={series} undrawable={undrawable} />
      )}
      {info && !undrawable && (
        <Overlay
          info={info}
          title={titles[viewId]}
          study={study}
          description={description}
          withPatient={viewId === "stack" || viewId === "axial"}
          hasPixelSpacing={series?.order.hasPixelSpacing ?? true}
          oriented={series?.order.slices.every(({ dataset }) => hasOrientation(dataset)) ?? false}
        />
      )}
    </div>
  );
}

function Overlay({
  info,
  title,
  study,
  description,
  withPatient,
  hasPixelSpacing,
  oriented,
}: {
  info: ViewInfo;
  title: string;
  study: StudyDetail;
  description: string;
  withPatient: boolean;
  hasPixelSpacing: boolean;
  oriented: boolean;
}) {
  const letter = "absolute font-semibold text-warn";
  return (
    <div
      className="pointer-events-none absolute inset-0 p-2.5 text-xs leading-tight text-ink select-none [text-shadow:0_0_3px_#000,0_0_2px_#000]"
      aria-hidden="true"
    >
      {withPatient && (
        <div className="absolute top-2.5 left-2.5">
          <div>{personName(study.patient_name)}</div>
          <div>{study.patient_id}</div>
        </div>
      )}
      <div className="absolute top-2.5 right-2.5 text-right">
        {title && <div className="font-semibold">{title}</div>}
        {withPatient && (
          <>
            <div>{dicomDate(study.study_date)}</div>
            <div>{description}</div>
          </>
        )}
      </div>
      <div className="absolute bottom-2.5 left-2.5">
        <div data-testid="window-text">
          W {Math.round(info.width)} L {Math.round(info.center)}
          {info.inverted && " inverted"}
        </div>
        <div>Zoom {info.zoom.toFixed(2)}×</div>
        {!hasPixelSpacing && <div className="text-warn">No pixel spacing: lengths in pixels</div>}
        {!oriented && <div className="text-warn">No orientation in the header</div>}
      </div>
      <div className="absolute right-2.5 bottom-2.5" data-testid="slice-text">
        {info.sliceNumber} / {info.sliceCount}
      </div>
      {oriented && (
        <>
          <span className={`${letter} top-2 left-1/2 -translate-x-1/2`}>{info.letters.top}</span>
          <span className={`${letter} bottom-2 left-1/2 -translate-x-1/2`}>{info.letters.bottom}</span>
          <span className={`${letter} top-1/2 left-2.5 -translate-y-1/2`}>{info.letters.left}</span>
          <span className={`${letter} top-1/2 right-2.5 -translate-y-1/2`}>{info.letters.right}</span>
        </>
      )}
    </div>
  );
}
