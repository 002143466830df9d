import { type ReactNode, useId } from "react";

export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="border-b border-line px-4 py-3.5 last:border-b-0">
      <h2 id={id} className="section-title mb-2">
        {title}
      </h2>
      {children}
    </section>
  );
}
