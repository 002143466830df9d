"use client";

import { type FormEvent, useEffect, useRef, useState } from "react";
import { Dialog } from "@/shared/components/Dialog";
import { Field } from "@/shared/components/parts";
import { useText } from "@/shared/hooks/useText";
import { asksForText } from "@/cornerstone";
import { mostCharacters } from "@/dicom/measurements/measurement";

/** Asks for the text that was placed on an image; closed without one, there is none. */
export function FreeTextDialog() {
  const [asked, setAsked] = useState<{ done: (text: string) => void } | null>(null);
  useEffect(() => asksForText((done) => setAsked({ done })), []);
  if (!asked) return null;
  const answer = (text: string) => {
    setAsked(null);
    asked.done(text);
  };
  return <AskedText onText={answer} />;
}

function AskedText({ onText }: { onText: (text: string) => void }) {
  const { viewing } = useText();
  const { freeText: t, kinds } = viewing;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const field = form.current?.elements.namedItem("text");
    if (field instanceof HTMLInputElement) field.focus();
  }, []);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onText(String(new FormData(event.currentTarget).get("text")));
  };
  return (
    <Dialog title={t.title} testId="free-text" onClose={() => onText("")}>
      <form ref={form} className="space-y-3" onSubmit={submit}>
        <Field label={kinds.text} name="text" required maxLength={mostCharacters("text")} />
        <button type="submit" className="control">
          {t.place}
        </button>
      </form>
    </Dialog>
  );
}
