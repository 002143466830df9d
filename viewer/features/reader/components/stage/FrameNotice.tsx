import type { ReactNode } from "react";

/** Over a view: why its image is not there, and what helps. */
export function FrameNotice({ what, helps, children }: { what: string; helps: string; children?: ReactNode }) {
  return (
    <div role="alert" className="m-3 rounded-md border border-warn/50 bg-ground p-3">
      <p className="font-medium text-warn">{what}</p>
      <p className="mt-1">{helps}</p>
      {children}
    </div>
  );
}
