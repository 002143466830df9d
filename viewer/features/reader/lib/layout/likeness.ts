/** Whether two series may be of the same part of the body, by what their headers state. */
import type { ImageView } from "@/dicom/imageView";

export type Side = ImageView["laterality"];

/** What Body Part Examined (PS3.16 CID 4, and what devices write in its place) says of the place. */
const regions: readonly (readonly [string, RegExp])[] = [
  ["head", /HEAD|BRAIN|SKULL|NEURO|ORBIT|SINUS|FAC(E|IAL)|JAW|MANDIB|PITUIT|TEMPORAL|KOPF|SCH(Ä|AE)DEL|HIRN/],
  ["neck", /NECK|LARYN|PHARYN|THYROID|CAROTI|HALS/],
  ["cervical spine", /C-? ?SPINE|CERVICAL|HWS|^SPINE$/],
  ["thoracic spine", /T-? ?SPINE|THORACIC ?SPINE|BWS|^SPINE$/],
  ["lumbar spine", /L-? ?SPINE|LUMBAR|LWS|^SPINE$/],
  ["chest", /CHEST|THORAX|LUNG|RIB|STERNUM|HEART|CARDIAC|CORONARY|MEDIASTIN/],
  ["abdomen", /ABD|LIVER|KIDNEY|PANCREA|SPLEEN|COLON|BOWEL|LEBER|NIERE/],
  ["pelvis", /PELVI|\bHIP|SACR|PROSTAT|BLADDER|UTER|BECKEN|HÜFTE/],
  ["breast", /BREAST|MAMMA/],
];
/** Of these it is not known which part is meant. */
const anyPart = /^(WHOLE ?BODY|BODY|EXTREMITY|LOWER ?LIMB|UPPER ?LIMB|OTHER|UNKNOWN|NONE)$/;

/** Parts that a body has twice. */
export const isPaired = (bodyPart: string): boolean =>
  /KNEE|HIP|ANKLE|FOOT|TOE|HEEL|CALCAN|HAND|WRIST|FINGER|THUMB|ELBOW|ARM|SHOULDER|CLAVIC|SCAPUL|HUMER|RADIUS|ULNA|FEMUR|TIBIA|FIBULA|LEG|PATELLA|EXTREMITY|LIMB|BREAST|MAMMA/.test(
    bodyPart.toUpperCase(),
  );

function regionsOf(bodyPart: string): ReadonlySet<string> {
  const stated = bodyPart.trim().toUpperCase();
  if (stated === "" || anyPart.test(stated)) return new Set();
  const known = regions.filter(([, words]) => words.test(stated)).map(([name]) => name);
  return new Set(known.length > 0 ? known : [stated.replaceAll(/[^A-Z0-9]/g, "")]);
}

/** Whether both state a part of the body, and another one. */
export function isOtherPart(one: string, other: string): boolean {
  const [first, second] = [regionsOf(one), regionsOf(other)];
  return first.size > 0 && second.size > 0 && [...first].every((region) => !second.has(region));
}

/** Whether both state a side, and another one. */
export function isOtherSide(one: Side, other: Side): boolean {
  return one !== "" && other !== "" && one !== other;
}

/** The side that all of the images state; else the one that the description names in a word. */
export function sideOfSeries(views: readonly ImageView[], description: string): Side {
  const [first, ...others] = new Set(views.map(({ laterality }) => laterality));
  if (first !== undefined && (first !== "" || others.length > 0)) return others.length > 0 ? "" : first;
  const words = description.toUpperCase();
  const [isRight, isLeft] = [/\b(RIGHT|RECHTS|RT)\b/.test(words), /\b(LEFT|LINKS|LT)\b/.test(words)];
  return isRight === isLeft ? "" : isRight ? "R" : "L";
}

/** Views that are read beside each other: a chest is taken from behind standing and from before lying. */
const likeViews: readonly (readonly string[])[] = [
  ["AP", "PA", "FRONTAL"],
  ["LL", "RL", "LAT", "LATERAL"],
];

/** Whether both state a view, and one that is not read beside the other. */
export function isOtherView(one: string, other: string): boolean {
  const [first, second] = [one.trim().toUpperCase(), other.trim().toUpperCase()];
  if (first === "" || second === "" || first === second) return false;
  return !likeViews.some((views) => views.includes(first) && views.includes(second));
}
