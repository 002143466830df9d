"use client";

import { useCallback, useState } from "react";
import { Answer } from "@/shared/components/parts";
import { Dialog } from "@/shared/components/Dialog";
import { PrintPages } from "@/features/report/components/PrintPages";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { pdf } from "@/features/report/lib/reportApi";
import type { Report } from "@/shared/api/types";

/** The report as it leaves the node, page by page, as the node draws them: no browser needs to
 * show PDF itself, and nothing is framed. */
export function PdfPreview({ report }: { report: Report }) {
  const { report: t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="control px-2 py-0.5 text-sm" onClick={() => setOpen(true)}>
        {t.preview}
      </button>
      {open && (
        <Dialog title={t.previewOf(report.version)} testId="pdf-preview" wide onClose={() => setOpen(false)}>
          <Pages report={report} />
        </Dialog>
      )}
    </>
  );
}

function Pages({ report }: { report: Report }) {
  const { report: t } = useText();
  const [printing, setPrinting] = useState(false);
  const printed = useCallback(() => setPrinting(false), []);
  const fetched = useFetched((signal) => pdf.pages(report, signal), `${report.report_id} ${report.version}`);
  return (
    <Answer fetched={fetched}>
      {({ page_count: count }) => (
        <>
        <p className="mb-3 flex gap-2">
          <a className="control" href={pdf.url(report)} target="_blank" rel="noreferrer">
            {t.openPdf}
          </a>
          <a className="control" href={pdf.url(report)} download={t.pdfName(report.version)}>
            {t.downloadPdf}
          </a>
          <button type="button" className="control" data-testid="print-report" disabled={printing} onClick={() => setPrinting(true)}>
            {t.print}
          </button>
        </p>
        {printing && <PrintPages report={report} count={count} onDone={printed} />}
        <ol className="space-y-4">
          {Array.from({ length: count }, (_, index) => index + 1).map((number) => (
            <li key={number}>
              {/* A picture of the node's own: nothing for next/image to do. */}
              {/* eslint-disable-next-line @next/next/no-img-element */}
              <img
                src={pdf.pageUrl(report, number)}
                alt={t.pageOf(number, count)}
                data-testid="pdf-page"
                loading={number > 1 ? "lazy" : "eager"}
                // The place of an A4 page, held free until its picture is there.
                className="block aspect-[210/297] w-full rounded bg-white"
              />
            </li>
          ))}
        </ol>
        </>
      )}
    </Answer>
  );
}
