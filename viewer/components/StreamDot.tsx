import type { StreamState } from "@/lib/api";

const words: Record<StreamState, { text: string; dot: string }> = {
  connecting: { text: "Connecting", dot: "bg-warn" },
  live: { text: "Live", dot: "bg-good" },
  lost: { text: "Reconnecting", dot: "bg-bad" },
};

/** Whether what is on the page follows the node as it changes. */
export function StreamDot({ state }: { state: StreamState }) {
  const { text, dot } = words[state];
  return (
    <span
      role="status"
      className="flex items-center gap-1.5 text-xs whitespace-nowrap text-dim"
      data-testid="stream-state"
    >
      <span className={`size-2 rounded-full ${dot}`} aria-hidden="true" />
      {text}
    </span>
  );
}
