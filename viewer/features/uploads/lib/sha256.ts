/**
 * SHA-256 (FIPS 180-4) of what is larger than memory, piece by piece. The browser's own digest wants
 * all bytes at once, and is missing where the node is reached without TLS.
 */
const roundConstants = Uint32Array.from(primes(64), (prime) => fractionBits(Math.cbrt(prime)));
const initialState = Uint32Array.from(primes(8), (prime) => fractionBits(Math.sqrt(prime)));
const blockBytes = 64;
const pieceBytes = 4 * 1024 * 1024;

function primes(count: number): number[] {
  const found: number[] = [];
  for (let one = 2; found.length < count; one += 1) {
    if (found.every((prime) => one % prime !== 0)) found.push(one);
  }
  return found;
}

/** The first 32 bits of the fractional part. */
function fractionBits(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

export class Sha256 {
  private readonly state = initialState.slice();
  private readonly words = new Uint32Array(64);
  private rest = new Uint8Array(0);
  private length = 0;

  update(bytes: Uint8Array): this {
    this.length += bytes.length;
    let given = bytes;
    if (this.rest.length > 0) {
      given = new Uint8Array(this.rest.length + bytes.length);
      given.set(this.rest);
      given.set(bytes, this.rest.length);
    }
    const whole = given.length - (given.length % blockBytes);
    const view = new DataView(given.buffer, given.byteOffset, whole);
    for (let at = 0; at < whole; at += blockBytes) this.block(view, at);
    this.rest = given.slice(whole);
    return this;
  }

  /** In hexadecimal; nothing is added after it. */
  digest(): string {
    const bits = this.length * 8;
    const padding = new Uint8Array(((this.rest.length < 56 ? 56 : 120) - this.rest.length) + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.update(padding);
    return [...this.state].map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  private block(view: DataView, at: number): void {
    const { words, state } = this;
    for (let i = 0; i < 16; i += 1) words[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i += 1) {
      const before15 = words[i - 15]!;
      const before2 = words[i - 2]!;
      const s0 = ((before15 >>> 7) | (before15 << 25)) ^ ((before15 >>> 18) | (before15 << 14)) ^ (before15 >>> 3);
      const s1 = ((before2 >>> 17) | (before2 << 15)) ^ ((before2 >>> 19) | (before2 << 13)) ^ (before2 >>> 10);
      words[i] = (words[i - 16]! + s0 + words[i - 7]! + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const first = (h + s1 + ((e & f) ^ (~e & g)) + roundConstants[i]! + words[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i]! + word) | 0;
  }
}

/** Of a file of any size; `onProgress` gets the share that is done. */
export async function sha256Of(file: Blob, onProgress: (fraction: number) => void, signal?: AbortSignal): Promise<string> {
  const digest = new Sha256();
  for (let at = 0; at < file.size; at += pieceBytes) {
    signal?.throwIfAborted();
    digest.update(new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer()));
    onProgress(Math.min(1, (at + pieceBytes) / file.size));
  }
  return digest.digest();
}
