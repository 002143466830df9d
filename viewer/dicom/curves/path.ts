/** A curve by its length: places at equal distances along it, each with a frame that does not turn about it. */
import { cross, dot, type Vector } from "@/dicom/geometry";
import { distance, isSamePoint, splineThrough } from "./spline";

/** A place of the curve. Vectors are of unit length and perpendicular to each other. */
export interface Station {
  /** Along the curve from its first point, mm. */
  alongMm: number;
  point: Vector;
  /** Towards the end of the curve. */
  tangent: Vector;
  normal: Vector;
}

export interface CurvePath {
  /** True length, mm. */
  lengthMm: number;
  /** How far along the curve its points lie, mm. */
  pointsMm: readonly number[];
  stations: readonly Station[];
  /** Between two stations, mm: the length in equal parts. */
  stepMm: number;
}

/** Pieces of each segment that its length is added up from: off by less than a millionth in any curve of the body. */
const pieces = 256;

/**
 * The curve through points, in equal steps of at most `wantedStepMm`. The frames minimise rotation (double
 * reflection: Wang, Jüttler, Zheng, Liu: Computation of Rotation Minimizing Frames, ACM TOG 27, 2008), and
 * start so that all along the curve they look towards `towards` as well as one turn can do it.
 */
export function pathThrough(points: readonly Vector[], wantedStepMm: number, towards: Vector): CurvePath | null {
  const spline = splineThrough(points);
  if (!spline) return null;
  const { knots } = spline;
  const parameters: number[] = [0];
  const lengths: number[] = [0];
  const atKnots = [0];
  let before = spline.pointAt(0);
  for (let at = 1; at < knots.length; at += 1) {
    const [from, to] = [knots[at - 1] ?? 0, knots[at] ?? 0];
    for (let piece = 1; piece <= pieces; piece += 1) {
      const parameter = from + ((to - from) * piece) / pieces;
      const point = spline.pointAt(parameter);
      lengths.push((lengths.at(-1) ?? 0) + distance(before, point));
      parameters.push(parameter);
      before = point;
    }
    atKnots.push(lengths.at(-1) ?? 0);
  }
  const lengthMm = lengths.at(-1) ?? 0;
  const steps = Math.max(1, Math.ceil(lengthMm / wantedStepMm - 1e-9));
  const places = Array.from({ length: steps + 1 }, (_, at) => (lengthMm * at) / steps);
  let piece = 0;
  const bare = places.map((alongMm) => {
    while (piece < lengths.length - 2 && (lengths[piece + 1] ?? 0) < alongMm) piece += 1;
    const [from, to] = [lengths[piece] ?? 0, lengths[piece + 1] ?? 0];
    const share = to > from ? (alongMm - from) / (to - from) : 0;
    const [low, high] = [parameters[piece] ?? 0, parameters[piece + 1] ?? 0];
    const parameter = low + share * (high - low);
    return { alongMm, point: spline.pointAt(parameter), tangent: unit(spline.tangentAt(parameter)) };
  });
  return { lengthMm, pointsMm: pointPlaces(points, atKnots, knots.length), stations: facing(withNormals(bare), towards), stepMm: lengthMm / steps };
}

/** Two points in one place are one knot. */
function pointPlaces(points: readonly Vector[], atKnots: readonly number[], knotCount: number): number[] {
  if (points.length === knotCount) return [...atKnots];
  let knot = 0;
  return points.map((point, at) => {
    if (at > 0 && !isSamePoint(point, points[at - 1] ?? point)) knot += 1;
    return atKnots[knot] ?? 0;
  });
}

type Bare = Omit<Station, "normal">;

function withNormals(bare: readonly Bare[]): Station[] {
  const [first] = bare;
  if (!first) return [];
  const stations: Station[] = [{ ...first, normal: anyNormal(first.tangent) }];
  for (let at = 1; at < bare.length; at += 1) {
    const [last, next] = [stations[at - 1], bare[at]];
    if (last && next) stations.push({ ...next, normal: carried(last, next) });
  }
  return stations;
}

/** The normal of a station at the next one: mirrored by the plane between them, and by the one between the tangents. */
function carried({ point, tangent, normal }: Station, next: Bare): Vector {
  const between = minus(next.point, point);
  const [mirroredNormal, mirroredTangent] = [mirrored(normal, between), mirrored(tangent, between)];
  const found = mirrored(mirroredNormal, minus(next.tangent, mirroredTangent));
  // Rounding would add up over thousands of stations.
  return unit(minus(found, times(next.tangent, dot(found, next.tangent))));
}

function mirrored(vector: Vector, across: Vector): Vector {
  const square = dot(across, across);
  return square < 1e-24 ? vector : minus(vector, times(across, (2 * dot(across, vector)) / square));
}

/** All frames turned by the one angle by which their normals together point most towards a direction. */
function facing(stations: readonly Station[], towards: Vector): Station[] {
  let [along, aside] = [0, 0];
  for (const { tangent, normal } of stations) {
    along += dot(normal, towards);
    aside += dot(cross(tangent, normal), towards);
  }
  const angle = Math.hypot(along, aside) < 1e-9 ? 0 : Math.atan2(aside, along);
  return stations.map((station) => ({ ...station, normal: turnedNormal(station, angle) }));
}

/** The normal turned about the curve, counterclockwise for who looks against its tangent. */
export function turnedNormal({ tangent, normal }: Pick<Station, "tangent" | "normal">, radians: number): Vector {
  const aside = cross(tangent, normal);
  const [c, s] = [Math.cos(radians), Math.sin(radians)];
  return [c * normal[0] + s * aside[0], c * normal[1] + s * aside[1], c * normal[2] + s * aside[2]];
}

/** Any place along a curve: on the cubic through two stations along their tangents, in a frame between theirs. */
export function stationAt({ stations, stepMm, lengthMm }: CurvePath, wantedMm: number): Station | null {
  const alongMm = Math.min(lengthMm, Math.max(0, wantedMm));
  const at = Math.min(stations.length - 2, Math.floor(alongMm / stepMm));
  const [low, high] = [stations[at], stations[at + 1]];
  if (!low || !high) return stations[0] ?? null;
  const share = alongMm / stepMm - at;
  const mixed = (a: Vector, b: Vector) => [0, 1, 2].map((axis) => (a[axis] ?? 0) * (1 - share) + (b[axis] ?? 0) * share) as Vector;
  const tangent = unit(mixed(low.tangent, high.tangent));
  const normal = mixed(low.normal, high.normal);
  const rest = 1 - share;
  const lowPull = times(low.tangent, share * rest * rest * stepMm);
  const highPull = times(high.tangent, share * share * rest * stepMm);
  const weight = share * share * (3 - 2 * share);
  const point = [0, 1, 2].map(
    (axis) => (low.point[axis] ?? 0) * (1 - weight) + (high.point[axis] ?? 0) * weight + (lowPull[axis] ?? 0) - (highPull[axis] ?? 0),
  ) as Vector;
  return { alongMm, point, tangent, normal: unit(minus(normal, times(tangent, dot(normal, tangent)))) };
}

function anyNormal(tangent: Vector): Vector {
  const [x, y, z] = tangent.map(Math.abs) as Vector;
  const apart: Vector = x <= y && x <= z ? [1, 0, 0] : y <= z ? [0, 1, 0] : [0, 0, 1];
  return unit(cross(tangent, apart));
}

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function times([x, y, z]: Vector, by: number): Vector {
  return [x * by, y * by, z * by];
}

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector) || 1;
  return times(vector, 1 / length);
}
