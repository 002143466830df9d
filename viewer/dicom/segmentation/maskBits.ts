/** A mask as the node sends it: a bit a voxel, within the box that holds them all. */
export class MaskBits {
  /** `start` and `shape`: slice, row and column; `bytes`: each from its lowest bit. */
  constructor(
    readonly start: readonly [number, number, number],
    readonly shape: readonly [number, number, number],
    private readonly bytes: Uint8Array,
  ) {}

  /** Puts `value` where slice `k` of the box has voxels, into the pixels of a whole slice. */
  drawSlice(k: number, pixels: { [index: number]: number }, columns: number, value: number): void {
    const [, rows, width] = this.shape;
    const [, firstRow, firstColumn] = this.start;
    let bit = k * rows * width;
    for (let row = 0; row < rows; row += 1) {
      const at = (firstRow + row) * columns + firstColumn;
      for (let column = 0; column < width; column += 1, bit += 1) {
        if (((this.bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) pixels[at + column] = value;
      }
    }
  }
}

/** Reads base64 of gzip of the bits. */
export async function readMaskBits(stated: {
  start: readonly number[];
  shape: readonly number[];
  bits: string;
}): Promise<MaskBits> {
  const packed = Uint8Array.from(atob(stated.bits), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return new MaskBits(three(stated.start), three(stated.shape), bytes);
}

function three([k = 0, j = 0, i = 0]: readonly number[]): [number, number, number] {
  return [k, j, i];
}
