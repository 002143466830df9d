import { itemsOf, numbersOf, type DicomJson } from "@/dicom/dicomweb";

const numberOfFrames = "00280008";
const sharedGroups = "52009229";
const perFrameGroups = "52009230";
/**
 * Plane position, plane orientation, pixel measures, frame VOI LUT, pixel value transformation; frame
 * content, frame display shutter, cardiac synchronization, MR echo and MR diffusion.
 */
const macros = [
  "00209113",
  "00209116",
  "00289110",
  "00289132",
  "00289145",
  "00209111",
  "00189472",
  "00189118",
  "00189114",
  "00189117",
];
/** Whole sequences that say of which kind a spacing is, what values stand for, or where and of which side a frame was taken: they stay beside the rest. */
const wholeMacros = ["00209071", "00220031", "00409096", "00289110", "00289443", "00189401", "00189476"];

/** More than any image that is read by its frames has; what states more is not laid out frame by frame. */
export const mostFrames = 100_000;

/** As the header states it, whatever the pixels hold; no less than one. */
export function framesIn(dataset: DicomJson): number {
  const stated = numbersOf(dataset, numberOfFrames)[0] ?? 1;
  return Math.max(1, Math.trunc(stated) || 1);
}

/**
 * The headers of the frames of an image, each as a classic image states it: what an enhanced image
 * keeps in functional groups, its own or those of all frames, stands at the top (PS3.3 C.7.6.16).
 * None of an image that states more than `mostFrames`.
 */
export function frameHeaders(dataset: DicomJson): DicomJson[] {
  const count = framesIn(dataset);
  if (count > mostFrames) return [];
  const [shared] = itemsOf(dataset, sharedGroups);
  const perFrame = itemsOf(dataset, perFrameGroups);
  if (!shared && perFrame.length === 0) return Array<DicomJson>(count).fill(dataset);
  const top = Object.fromEntries(
    Object.entries(dataset).filter(([tag]) => tag !== sharedGroups && tag !== perFrameGroups),
  );
  Object.assign(top, shared && resolved(shared));
  return Array.from({ length: count }, (_, index) => {
    const own = perFrame[index];
    return own ? Object.assign({}, top, resolved(own)) : top;
  });
}

function resolved(group: DicomJson): DicomJson {
  const whole = wholeMacros.flatMap((macro) => (group[macro] ? [[macro, group[macro]] as const] : []));
  return Object.assign(Object.fromEntries(whole), ...macros.flatMap((macro) => itemsOf(group, macro).slice(0, 1)));
}

/** The header of one frame for who would take it for that of all frames. */
export function asSingleFrame(header: DicomJson): DicomJson {
  return framesIn(header) === 1 ? header : { ...header, [numberOfFrames]: undefined };
}
