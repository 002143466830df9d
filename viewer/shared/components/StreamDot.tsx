import { useText } from "@/shared/hooks/useText";
import type { StreamState } from "@/shared/api/api";

const dots: Record<StreamState, string> = {
  connecting: "bg-warn",
  live: "bg-good",
  lost: "bg-bad",
};

/** Whether what is on the page follows the node as it changes. */
export function StreamDot({ state }: { state: StreamState }) {
  const { common } = useText();
  const words: Record<StreamState, string> = {
    connecting: common.streamConnecting,
    live: common.streamLive,
    lost: common.streamLost,
  };
  return (
    <span
      role="status"
      className="flex items-center gap-1.5 text-xs whitespace-nowrap text-dim"
      data-testid="stream-state"
    >
      <span className={`size-2 rounded-full ${dots[state]}`} aria-hidden="true" />
      {words[state]}
    </span>
  );
}
