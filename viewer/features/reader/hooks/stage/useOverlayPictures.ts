"use client";

import { useEffect, useState } from "react";
import { retrieveBulkData, type DicomElement } from "@/dicom/dicomweb";
import { overlayPixels, type OverlayPlane } from "@/dicom/display/overlayPlanes";

export interface OverlayPicture {
  plane: OverlayPlane;
  url: string;
}

const white = [255, 255, 255] as const;
const fetched = new WeakMap<DicomElement, Promise<Uint8Array>>();

function bitsOf(data: DicomElement | Uint8Array): Promise<Uint8Array> {
  if (data instanceof Uint8Array) return Promise.resolve(data);
  const known = fetched.get(data);
  if (known) return known;
  const bits = data.BulkDataURI
    ? retrieveBulkData(data.BulkDataURI).then((bytes) => new Uint8Array(bytes))
    : Promise.resolve(Uint8Array.from(atob(data.InlineBinary ?? ""), (character) => character.charCodeAt(0)));
  fetched.set(data, bits);
  bits.catch(() => fetched.delete(data));
  return bits;
}

async function pictureOf(plane: OverlayPlane, frameNumber: number): Promise<OverlayPicture | null> {
  const pixels = overlayPixels(plane, await bitsOf(plane.data), frameNumber, white);
  if (!pixels) return null;
  const canvas = document.createElement("canvas");
  canvas.width = plane.columns;
  canvas.height = plane.rows;
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, plane.columns, plane.rows), 0, 0);
  return { plane, url: canvas.toDataURL() };
}

/** The overlay planes of a frame as pictures, once their bits are there. */
export function useOverlayPictures(planes: readonly OverlayPlane[], frameNumber: number): OverlayPicture[] {
  const [found, setFound] = useState<{ planes: readonly OverlayPlane[]; frameNumber: number; pictures: OverlayPicture[] }>();
  useEffect(() => {
    if (planes.length === 0) return;
    let gone = false;
    void Promise.allSettled(planes.map((plane) => pictureOf(plane, frameNumber))).then((answers) => {
      if (gone) return;
      const pictures = answers.flatMap((answer) => (answer.status === "fulfilled" && answer.value ? [answer.value] : []));
      setFound({ planes, frameNumber, pictures });
    });
    return () => {
      gone = true;
    };
  }, [planes, frameNumber]);
  return found?.planes === planes && found.frameNumber === frameNumber ? found.pictures : [];
}
