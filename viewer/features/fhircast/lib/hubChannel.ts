import { dataOf, node } from "@/shared/api/api";
import { request } from "@/shared/api/http";
import { readMessage, type CastEvent } from "@/features/fhircast/lib/castEvent";

const events = "ImagingStudy-open,DiagnosticReport-open,SyncError,Heartbeat";
const firstPauseMs = 2000;
const longestPauseMs = 60_000;
/** Beats come every ten seconds, every minute at most. */
const silenceMs = 150_000;

/** The topic of the one who is signed in; "" where the node is no hub. */
export async function ownTopic(): Promise<string> {
  const { enabled, topic } = await dataOf<{ enabled: boolean; topic: string }>(node.GET("/api/v1/fhircast"));
  return enabled ? topic : "";
}

export async function announceStudy(study_instance_uid: string, change: "open" | "close"): Promise<void> {
  await dataOf(node.POST("/api/v1/fhircast/studies", { body: { study_instance_uid, change } }));
}

async function subscribe(topic: string): Promise<string> {
  const form = new URLSearchParams({
    "hub.channel.type": "websocket",
    "hub.mode": "subscribe",
    "hub.topic": topic,
    "hub.events": events,
    "subscriber.name": "MediViewAI viewer",
  });
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const answer = await request("/fhircast", { method: "POST", headers, body: form.toString() });
  const { "hub.channel.endpoint": endpoint } = (await answer.json()) as { "hub.channel.endpoint": string };
  // By the name under which the page came, which the node need not know as its own.
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}${new URL(endpoint).pathname}`;
}

/** Follows the topic until it is stopped. `onEvent` gives the status with which the hub is answered. */
export function followTopic(topic: string, onEvent: (event: CastEvent) => Promise<number>): () => void {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = firstPauseMs;
  let ended = false;

  const again = () => {
    clearTimeout(watchdog);
    if (ended) return;
    timer = setTimeout(open, pauseMs);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  };
  const watch = (of: WebSocket) => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => of.close(), silenceMs);
  };
  const open = () => {
    subscribe(topic).then(
      (endpoint) => {
        if (ended) return;
        const opened = new WebSocket(endpoint);
        socket = opened;
        watch(opened);
        opened.onmessage = ({ data }: MessageEvent<string>) => {
          watch(opened);
          pauseMs = firstPauseMs;
          const message = readMessage(data);
          if (message.kind !== "event" || message.event.name === "heartbeat") return;
          const { id } = message.event;
          onEvent(message.event).then(
            (status) => answer(opened, id, status),
            () => answer(opened, id, 500),
          );
        };
        opened.onclose = again;
      },
      again,
    );
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    clearTimeout(watchdog);
    socket?.close(1000);
  };
}

function answer(socket: WebSocket, id: string, status: number): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ id, status }));
}
