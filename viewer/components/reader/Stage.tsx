import { Waiting } from "@/components/Waiting";
import { ProblemNote } from "@/components/ProblemNote";
import { View } from "@/components/reader/View";
import type { ReaderState } from "@/hooks/useReader";
import { planes, type ToolName, type ViewId } from "@/lib/cornerstone";
import type { StudyDetail } from "@/lib/types";

const stackOnly: readonly ViewId[] = ["stack"];

/** The middle of the reader: one view or three, and what has to be said about them. */
export function Stage({
  reader,
  study,
  tool,
}: {
  reader: ReaderState;
  study: StudyDetail;
  tool: ToolName;
}) {
  const { series, layout, loading, problem } = reader;
  const viewIds = layout === "stack" ? stackOnly : planes;
  const summary = study.series.find(
    (one) => one.series_instance_uid === reader.seriesInstanceUid,
  );
  const instancesShown = series?.indexOfSopInstanceUid.size ?? 0;
  const current = series?.seriesInstanceUid === summary?.series_instance_uid;
  const arrived = series && current && summary ? summary.instance_count - instancesShown : 0;

  if (!reader.seriesInstanceUid) {
    return (
      <div className="grid flex-1 place-items-center p-8 text-dim">
        {study.state === "RECEIVING"
          ? "The images appear here as they arrive."
          : "This study holds no images that can be shown."}
      </div>
    );
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        className={`grid min-h-0 flex-1 gap-px bg-line ${
          layout === "planes" ? "grid-cols-1 xl:grid-cols-[3fr_2fr] xl:grid-rows-2" : ""
        }`}
      >
        {viewIds.map((viewId) => (
          <View
            key={viewId}
            viewId={viewId}
            reader={reader}
            study={study}
            description={summary?.series_description ?? ""}
            tool={tool}
            large={viewId === "axial"}
          />
        ))}
      </div>
      {!series && !problem && (
        <div className="absolute inset-0">
          <Waiting text="Reading the series" />
        </div>
      )}
      {problem && (
        <div className="absolute inset-x-6 top-6">
          <ProblemNote problem={problem} onRetry={reader.reloadSeries} />
        </div>
      )}
      <div className="pointer-events-none absolute inset-x-0 bottom-10 grid justify-center gap-2">
        {series?.order.notice && <Note>{series.order.notice}</Note>}
        {arrived > 0 && (
          <button
            type="button"
            className="control pointer-events-auto border-accent"
            onClick={reader.reloadSeries}
          >
            {arrived} more {arrived === 1 ? "image has" : "images have"} arrived. Show
          </button>
        )}
      </div>
      {loading && (
        <div
          className="absolute inset-x-0 bottom-0 h-0.5 bg-line"
          role="progressbar"
          aria-label="Images loaded"
          aria-valuemin={0}
          aria-valuemax={loading.total}
          aria-valuenow={loading.loaded}
        >
          <div
            className="h-full bg-accent/80"
            style={{ width: `${(100 * loading.loaded) / loading.total}%` }}
          />
        </div>
      )}
    </div>
  );
}

function Note({ children }: { children: string }) {
  return (
    <p className="rounded-md border border-warn/50 bg-ground/90 px-3 py-1 text-xs text-warn">
      {children}
    </p>
  );
}
