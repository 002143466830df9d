"use client";

import { type FormEvent, useEffect, useRef, useState } from "react";
import { Dialog } from "@/shared/components/Dialog";
import { Field } from "@/shared/components/parts";
import { useText } from "@/shared/hooks/useText";
import { greatestLengthMm } from "@/dicom/calibration/byHand";

/** Asks for the true length of a line, which calibrates its image. */
export function CalibrateDialog({ onLength, onClose }: { onLength: (lengthMm: number) => boolean; onClose: () => void }) {
  const { viewing } = useText();
  const { calibration: t } = viewing;
  const [refused, setRefused] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const length = form.current?.elements.namedItem("length");
    if (length instanceof HTMLInputElement) length.focus();
  }, []);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const lengthMm = Number(new FormData(event.currentTarget).get("length"));
    if (onLength(lengthMm)) onClose();
    else setRefused(true);
  };
  return (
    <Dialog title={t.title} testId="calibrate" onClose={onClose}>
      <form ref={form} className="space-y-3" onSubmit={submit}>
        <p className="text-sm">{t.hint}</p>
        <Field label={t.length} name="length" type="number" min="0.001" max={greatestLengthMm} step="any" required />
        {refused && (
          <p role="alert" className="text-sm text-warn">
            {t.implausible}
          </p>
        )}
        <button type="submit" className="control">
          {t.set}
        </button>
      </form>
    </Dialog>
  );
}
