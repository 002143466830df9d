import { stages } from "./stages";
import type { Messages } from "@/shared/i18n/messages";

/** Numbers in the sentences of the node have a point, and a comma after thousands. */
const german = (number: string) => number.replaceAll(/[.,]/g, (sign) => (sign === "." ? "," : "."));

/** Why a job ended without a result (inference/failure_sentences.py). */
export const ends: NonNullable<Messages["reasons"]["ends"]> = {
  tried: ({ count }) => `${count}-mal versucht.`,
  worker_stopped: () => "Der Worker wurde angehalten.",
  worker_died: ({ count }) =>
    `Der Worker endete über diesem Auftrag ${count}-mal ohne Meldung. Vielleicht braucht der Auftrag mehr Arbeitsspeicher, als der Rechner hat.`,
  worker_died_while: ({ count, stage }) =>
    `Der Worker endete über diesem Auftrag ${count}-mal ohne Meldung, zuletzt beim Schritt „${((stages as Readonly<Record<string, string>>)[stage] ?? stage).replace(/\.$/, "")}“. Vielleicht braucht der Auftrag mehr Arbeitsspeicher, als der Rechner hat.`,
  out_of_memory: () => "Der Arbeitsspeicher des Rechners reichte nicht.",
  memory_limit: ({ what, limit }) => `${what} brauchte mehr als ${german(limit)} MiB Arbeitsspeicher; der Prozess wurde beendet.`,
  memory_limit_again: ({ what, limit }) =>
    `${what} brauchte zusammen mit dem, was frühere Aufträge im Prozess hinterlassen hatten, mehr als ${german(limit)} MiB Arbeitsspeicher. Ein neuer Prozess versucht es noch einmal.`,
  raise_memory_limit: () =>
    "Erhöhen Sie MEDIVIEW_JOB_MEMORY_BYTES auf einem Rechner mit genug Arbeitsspeicher, oder verzichten Sie auf dieses Modell.",
  deadline_passed: ({ limit }) => `Der Auftrag brauchte länger als die erlaubten ${german(limit)} s.`,
  more_time_or_faster: () =>
    "Geben Sie ihm mehr Zeit (Regel des Standorts oder MEDIVIEW_JOB_DEADLINE_S) oder einen schnelleren Rechner.",
  ended_at_deadline: ({ what, limit }) =>
    `${what} brauchte länger als die erlaubten ${german(limit)} s und hielt nicht an; der Prozess wurde beendet.`,
  more_time_by_rule: () =>
    "Geben Sie mehr Zeit (Regel des Standorts oder MEDIVIEW_JOB_DEADLINE_S), oder verzichten Sie auf dieses Modell.",
  more_time_for_answers: () =>
    "Geben Sie mehr Zeit (MEDIVIEW_LANGUAGE_DEADLINE_S), oder verzichten Sie auf dieses Modell.",
  answer_too_slow: ({ limit }) => `Die Antwort brauchte länger als ${german(limit)} s.`,
  ask_less: () => "Fragen Sie weniger auf einmal, oder erhöhen Sie MEDIVIEW_LANGUAGE_DEADLINE_S.",
  disk_full: () => "Lesen oder Schreiben ist gescheitert: Der Datenträger ist voll.",
  input_output: ({ what }) => `Lesen oder Schreiben ist gescheitert: ${what}.`,
  unexpected_error: ({ error, place }) => `Unerwarteter Fehler ${error} in ${place}.`,
  cancelled: ({ by }) => `Abgebrochen von ${by}.`,
  cancelled_because: ({ by, why }) => `Abgebrochen von ${by}: ${why}`,
  series_changed: () =>
    "Die Serie hat sich seitdem geändert. Was sie jetzt enthält, wird ein Auftrag, sobald eine Pipeline es annimmt.",
  prior_not_there: () =>
    "Die Voruntersuchung des Auftrags gehört jetzt zu einer anderen Person, oder nicht alle, die den Auftrag sehen, dürfen sie sehen.",
  nothing_found: ({ model }) => `${model} fand in der Serie nichts.`,
  nothing_shown: ({ model }) => `${model} lieferte nichts, was sich zeigen ließe.`,
  check_series: () => "Prüfen Sie, ob die Serie zeigt, wonach das Modell sucht.",
  check_images: () => "Prüfen Sie, ob die Bilder zeigen, wonach das Modell sucht.",
  volume_blank: () => "Das Volumen ist leer: Alle Voxel sind gleich.",
  no_brain: () => "Das Modell fand im Volumen kein Gehirn.",
  check_t1_head: () => "Prüfen Sie, ob die Serie einen ganzen Kopf zeigt und T1-gewichtet ist.",
  no_lungs: () => "Im Körper gibt es keinen Luftraum von der Größe einer Lunge.",
  no_lung_beside_airways: () => "Neben den Atemwegen bleibt nichts von der Größe einer Lunge.",
  lungs_too_large: ({ found }) => `Was wie Lungen aussieht, misst ${german(found)} Liter; so groß sind keine Lungen.`,
  send_whole_chest: () =>
    "Senden Sie ein CT des ganzen Thorax, dessen Rekonstruktion die Lungen an den Seiten nicht abschneidet.",
  model_failed: ({ model, error }) => `${model} scheiterte an dieser Serie (${error}).`,
  container_timeout: ({ limit }) => `Der Container brauchte länger als ${german(limit)} s und wurde beendet.`,
  raise_container_timeout: () =>
    "Erhöhen Sie MEDIVIEW_CONTAINER_TIMEOUT_S, wenn er mehr Zeit braucht; das Manifest des Pakets kann weniger angeben.",
};
