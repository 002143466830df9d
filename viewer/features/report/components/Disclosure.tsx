"use client";

import { type ReactNode, useState } from "react";

/** A part of the report's panel that is made, and asks the node, when it is first opened. */
export function Disclosure({ title, testId, children }: { title: string; testId: string; children: ReactNode }) {
  const [wasOpened, setWasOpened] = useState(false);
  return (
    <details
      className="border-t border-line pt-3"
      data-testid={testId}
      onToggle={(event) => event.currentTarget.open && setWasOpened(true)}
    >
      <summary className="rounded text-dim">{title}</summary>
      {wasOpened && children}
    </details>
  );
}
