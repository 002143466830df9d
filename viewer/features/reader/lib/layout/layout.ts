/** A series of a study, as a viewport shows it. */
export interface SeriesRef {
  studyInstanceUid: string;
  seriesInstanceUid: string;
  /** SOP Instance UIDs of the images that are shown alone, or what one detector took of each (`uid:2`); absent for the whole series. */
  images?: readonly string[];
}

/** 1 to 3. */
export type Count = 1 | 2 | 3;

/** What is shown where: up to three rows of three stacks, one of which is the active one. */
export interface Arrangement {
  rows: Count;
  columns: Count;
  /** Row by row; kept beyond the present rows and columns, so that a larger layout finds them. */
  cells: readonly (SeriesRef | null)[];
  /** Index of the viewport that keys and tools are meant for. */
  active: number;
  /** Whether the other stacks follow the one that is scrolled. */
  linked: boolean;
}

export const mostCells = 9;

export function single(ref: SeriesRef | null): Arrangement {
  return { rows: 1, columns: 1, cells: [ref], active: 0, linked: false };
}

export function cellCount({ rows, columns }: Arrangement): number {
  return rows * columns;
}

/** Another number of rows and columns; the active series stays in sight. */
export function withGrid(now: Arrangement, rows: Count, columns: Count): Arrangement {
  const count = rows * columns;
  if (now.active < count) return { ...now, rows, columns };
  const cells = [...now.cells];
  const last = count - 1;
  cells[last] = now.cells[now.active] ?? null;
  return { ...now, rows, columns, cells, active: last };
}

/** Empty viewports filled with the series that are not shown yet, in their order. */
export function filled(now: Arrangement, series: readonly SeriesRef[]): Arrangement {
  const count = cellCount(now);
  const cells = Array.from({ length: count }, (_, index) => now.cells[index] ?? null);
  const shown = new Set(cells.map((ref) => ref?.seriesInstanceUid));
  const waiting = series.filter(({ seriesInstanceUid }) => !shown.has(seriesInstanceUid));
  return {
    ...now,
    cells: cells.map((ref) => ref ?? waiting.shift() ?? null).concat(now.cells.slice(count)),
  };
}

/** The clips of a series beside each other, up to nine, in as few rows as hold them. */
export function withClips(now: Arrangement, ref: SeriesRef, instances: readonly string[]): Arrangement {
  const clips = instances.slice(0, mostCells).map((uid) => ({ ...ref, images: [uid] }));
  const columns = (clips.length <= 1 ? 1 : clips.length <= 4 ? 2 : 3) as Count;
  const rows = Math.max(1, Math.ceil(clips.length / columns)) as Count;
  const cells = Array.from({ length: rows * columns }, (_, index) => clips[index] ?? null);
  return { ...now, rows, columns, cells, active: 0, linked: false };
}

export function withSeries(now: Arrangement, cell: number, ref: SeriesRef): Arrangement {
  if (cell < 0 || cell >= cellCount(now)) return now;
  const cells = Array.from({ length: Math.max(cell + 1, now.cells.length) }, (_, index) =>
    index === cell ? ref : (now.cells[index] ?? null),
  );
  return { ...now, cells, active: cell };
}

export function activated(now: Arrangement, cell: number): Arrangement {
  if (cell === now.active || cell < 0 || cell >= cellCount(now)) return now;
  return { ...now, active: cell };
}

/** The viewport after the active one, or before it; from the last on to the first. */
export function stepped(now: Arrangement, by: number): Arrangement {
  const count = cellCount(now);
  return activated(now, (now.active + by + count) % count);
}

/** The active viewport with the next series of a list, or the one before. */
export function withNextSeries(
  now: Arrangement,
  series: readonly SeriesRef[],
  by: number,
): Arrangement {
  if (series.length === 0) return now;
  const open = now.cells[now.active]?.seriesInstanceUid;
  const at = series.findIndex(({ seriesInstanceUid }) => seriesInstanceUid === open);
  const next = series[at < 0 ? 0 : (at + by + series.length) % series.length];
  return next ? withSeries(now, now.active, next) : now;
}

export function activeRef(now: Arrangement): SeriesRef | null {
  return now.cells[now.active] ?? null;
}

/** Without the series that are gone, or were never there; null when none is left. */
export function withoutUnknown(
  now: Arrangement,
  studies: readonly { study_instance_uid: string; series: readonly { series_instance_uid: string }[] }[],
): Arrangement | null {
  const known = new Set(
    studies.flatMap(({ study_instance_uid: study, series }) =>
      series.map(({ series_instance_uid: uid }) => `${study} ${uid}`),
    ),
  );
  const cells = now.cells.map((ref) =>
    ref && known.has(`${ref.studyInstanceUid} ${ref.seriesInstanceUid}`) ? ref : null,
  );
  return cells.some((ref) => ref !== null) ? { ...now, cells } : null;
}
