/** Of two dimensions, row by row. */
export interface Matrix {
  data: Uint8Array;
  shape: [rows: number, columns: number];
  get(row: number, column: number): number;
  set(row: number, column: number, value: number): number;
}

export default function matrix(data: Uint8Array, shape: [number, number]): Matrix;
