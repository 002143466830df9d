/** Many files in one ZIP without compression (APPNOTE 6.3.3), so that a folder is one upload. */

import { text } from "@/shared/i18n";

const maxEntries = 20_000;
const maxBytes = 0xffff_ffff;
const pieceBytes = 8 * 1024 * 1024;

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  return (further(0xffffffff, bytes) ^ 0xffffffff) >>> 0;
}

function further(crc: number, bytes: Uint8Array): number {
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

/** In pieces: weights may be larger than what a browser holds at once. */
async function crcOf(file: Blob): Promise<number> {
  let crc = 0xffffffff;
  for (let at = 0; at < file.size; at += pieceBytes) {
    crc = further(crc, new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer()));
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function record(size: number, fill: (view: DataView) => void): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

/** File names repeat between folders; entries are numbered so that none hides another. */
function numbered(file: File, index: number): string {
  return `${String(index + 1).padStart(6, "0")}-${file.name}`;
}

export async function zipFiles(files: readonly File[], nameOf: (file: File, index: number) => string = numbered): Promise<Blob> {
  if (files.length > maxEntries) {
    throw new RangeError(
      text().studyList.uploaded.tooMany(files.length, maxEntries),
    );
  }
  const parts: BlobPart[] = [];
  const directory: BlobPart[] = [];
  let offset = 0;
  let directorySize = 0;
  for (const [index, file] of files.entries()) {
    const name = new TextEncoder().encode(nameOf(file, index));
    const crc = await crcOf(file);
    const local = record(30, (view) => {
      view.setUint32(0, 0x04034b50, true);
      writeCommon(view, 4, crc, file.size, name.length);
    });
    const central = record(46, (view) => {
      view.setUint32(0, 0x02014b50, true);
      view.setUint16(4, 20, true);
      writeCommon(view, 6, crc, file.size, name.length);
      view.setUint32(42, offset, true);
    });
    parts.push(local, name, file);
    directory.push(central, name);
    directorySize += central.length + name.length;
    offset += local.length + name.length + file.size;
    if (offset + directorySize > maxBytes) {
      throw new RangeError(text().studyList.uploaded.tooLarge);
    }
  }
  const end = record(22, (view) => {
    view.setUint32(0, 0x06054b50, true);
    view.setUint16(8, files.length, true);
    view.setUint16(10, files.length, true);
    view.setUint32(12, directorySize, true);
    view.setUint32(16, offset, true);
  });
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** The fields that the local header and the central directory share, in their common order. */
function writeCommon(
  view: DataView,
  at: number,
  crc: number,
  size: number,
  nameLength: number,
): void {
  const utf8Names = 0x0800;
  const firstOfJanuary1980 = 0x0021;
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, utf8Names, true);
  view.setUint16(at + 8, firstOfJanuary1980, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameLength, true);
}
