"use client";

import { useEffect, useRef } from "react";
import { createPortal } from "react-dom";
import { pdf } from "@/features/report/lib/reportApi";
import type { Report } from "@/shared/api/types";

/** The pages as they leave the node, on paper: nothing of what is on the screen beside them. */
export function PrintPages({ report, count, onDone }: { report: Report; count: number; onDone: () => void }) {
  const pages = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let gone = false;
    const images = [...(pages.current?.querySelectorAll("img") ?? [])];
    // A page that has not come would be a white one.
    Promise.all(images.map((image) => image.decode())).then(() => !gone && window.print(), () => undefined).finally(() => !gone && onDone());
    return () => {
      gone = true;
    };
  }, [onDone]);
  return createPortal(
    <div ref={pages} id="printed-report" aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        // A picture of the node's own: nothing for next/image to do.
        // eslint-disable-next-line @next/next/no-img-element
        <img key={index} src={pdf.pageUrl(report, index + 1)} alt="" />
      ))}
    </div>,
    document.body,
  );
}
