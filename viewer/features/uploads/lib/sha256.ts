import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const pieceBytes = 4 * 1024 * 1024;

/**
 * SHA-256 of a file of any size, in hexadecimal; `onProgress` gets the share that is done. The
 * browser's own digest wants all bytes at once, and is missing where the node is reached without TLS.
 */
export async function sha256Of(file: Blob, onProgress: (fraction: number) => void, signal?: AbortSignal): Promise<string> {
  const digest = sha256.create();
  for (let at = 0; at < file.size; at += pieceBytes) {
    signal?.throwIfAborted();
    digest.update(new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer()));
    onProgress(Math.min(1, (at + pieceBytes) / file.size));
  }
  return bytesToHex(digest.digest());
}
