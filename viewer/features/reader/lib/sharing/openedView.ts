import type { ShownViewport } from "@/cornerstone";
import { cells, planes, type ViewId } from "@/cornerstone/views/names";
import { readViewAddress, viewParameters, type ViewAddress } from "@/features/reader/lib/layout/viewAddress";
import type { NewSharedView, SharedView } from "@/shared/api/types";

/** With what each viewport opens with, of a view that somebody shared: no address names it. */
export interface AskedView extends ViewAddress {
  viewports: readonly ShownViewport[];
}

type SharedViewport = NonNullable<SharedView["view"]["viewports"]>[number];

const opened = new Map<string, readonly ShownViewport[]>();

/** What is sent of the reader: its address, and what each viewport shows. */
export function viewStateOf(
  address: ViewAddress,
  viewports: readonly ShownViewport[],
  studyInstanceUid: string,
): NewSharedView["view"] {
  return {
    address: viewParameters(address, studyInstanceUid).toString(),
    viewports: viewports.map(({ viewId, seriesInstanceUid, image, center, window, inverted }) => ({
      viewport: viewId,
      series_instance_uid: seriesInstanceUid,
      sop_instance_uid: image?.sopInstanceUid ?? null,
      frame_number: image?.frameNumber ?? 1,
      center_lps_mm: center && [...center],
      window: window && { lower: window.lower, upper: window.upper },
      is_inverted: inverted,
    })),
  };
}

/**
 * Keeps what the viewports of a shared view show until the reader opens it, and gives the address of the reader:
 * only what a reader's address may say is taken from what was sent, and the study is that of the link.
 */
export function addressOfShared({ study_instance_uid: studyInstanceUid, view }: SharedView): string {
  opened.set(studyInstanceUid, (view.viewports ?? []).flatMap((one) => shownViewport(one) ?? []));
  const asked = readViewAddress(new URLSearchParams(view.address), studyInstanceUid);
  return `/study/?${viewParameters(asked, studyInstanceUid)}`;
}

const none: readonly ShownViewport[] = [];

/** What the viewports of a study open with. */
export function sharedViewports(studyInstanceUid: string): readonly ShownViewport[] {
  return opened.get(studyInstanceUid) ?? none;
}

/** Once its reader is there: who opens the study again finds it as always. */
export function forgetSharedViewports(studyInstanceUid: string): void {
  opened.delete(studyInstanceUid);
}

const viewIds: readonly ViewId[] = [...cells, ...planes];

function shownViewport(sent: SharedViewport): ShownViewport | null {
  const viewId = viewIds.find((one) => one === sent.viewport);
  if (!viewId) return null;
  const { sop_instance_uid: sopInstanceUid, frame_number: frameNumber = 1 } = sent;
  return {
    viewId,
    seriesInstanceUid: sent.series_instance_uid,
    image: sopInstanceUid ? { sopInstanceUid, frameNumber } : null,
    center: sent.center_lps_mm ?? null,
    window: sent.window && sent.window.upper > sent.window.lower ? sent.window : null,
    inverted: sent.is_inverted ?? false,
  };
}
