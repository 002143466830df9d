import type { Messages } from "@/shared/i18n/messages";
import { outlook } from "./retention";

/** Lists of the node end in English where they are cut. */
const list = (names: string) => names.replace(/ and others$/, " und weitere").replace(/; and ([\d,]+) others$/, "; und $1 weitere");
const german = (number: string) => number.replaceAll(/[.,]/g, (sign) => (sign === "." ? "," : "."));
const timeMeanwhile =
  "Synchronisieren Sie sie (NTP): Was inzwischen angekommen ist, signiert oder aufgezeichnet wurde, trägt die Zeit, die die Uhr hatte.";
const lookAtDisk =
  "Alles, was ankommt, wartet darauf. Sehen Sie nach, was den Datenträger sonst benutzt (iostat -x 1) und wie es ihm geht (smartctl -a, dmesg).";
const setAside =
  "Alles andere läuft weiter. Sehen Sie die Instanzen mit dcmdump an, und löschen Sie die Serie, oder lassen Sie sie mit `mediview studies try-again` noch einmal versuchen.";

/** What a part of the node lacks (api/server/health_sentences.py). */
export const health: NonNullable<Messages["reasons"]["health"]> = {
  database_silent: () => "Die Datenbank antwortet nicht. Prüfen Sie MEDIVIEW_DATABASE_URL.",
  index_locked: ({ seconds }) =>
    `Der Index ist seit ${seconds} s gesperrt. Was ankommt, wartet und wird nach 30 s abgelehnt. Beenden Sie, was index.sqlite3 neben dem Knoten geöffnet hat, etwa eine Kopie mit sqlite3 (\`fuser -v index.sqlite3\` nennt es); auf einem langsamen Datenträger ist es der Knoten selbst.`,
  broker_silent: () => "Der Broker antwortet nicht. Prüfen Sie MEDIVIEW_BROKER_URL.",
  broker_folder: ({ folder }) => `Der Ordner ${folder} des Brokers ist nicht beschreibbar.`,
  not_running: ({ commands }) => `Läuft nicht: ${commands}. Starten Sie alles mit \`mediview up\` oder jedes für sich.`,
  no_tick: () =>
    "Seit einer halben Minute wurde kein Takt bearbeitet; nichts wird eingeplant oder gesendet. Sehen Sie ins Protokoll von `mediview worker --queue control`, und starten Sie ihn neu; das Protokoll von `mediview beat` nennt es, wenn keiner führen kann (leadership_failed).",
  clock_ahead: ({ name, seconds }) =>
    `Das letzte Lebenszeichen von ${name} liegt ${seconds} s vor dieser Uhr: Sie wurde zurückgestellt und der Prozess ist seitdem beendet, oder die Uhren zweier Rechner gehen verschieden. Synchronisieren Sie sie (NTP), und starten Sie den Prozess neu.`,
  clock_set_forward: ({ seconds, when }) =>
    `Die Systemuhr wurde um ${german(seconds)} s vorgestellt, nach ihrer neuen Zeit am ${when} UTC, oder der Rechner schlief. ${timeMeanwhile}`,
  clock_set_back: ({ seconds, when }) =>
    `Die Systemuhr wurde um ${german(seconds)} s zurückgestellt, nach ihrer neuen Zeit am ${when} UTC, oder der Rechner schlief. ${timeMeanwhile}`,
  dicom_silent: () => "Der DICOM-Empfang gibt kein Lebenszeichen. Starten Sie ihn mit `mediview scp`.",
  dicom_refuses: ({ error }) =>
    `Der DICOM-Empfang nimmt nichts an („${error}“). Starten Sie ihn mit \`mediview scp\`, oder starten Sie ihn neu, wenn er hängt; der Port ist MEDIVIEW_DICOM_PORT. Wo er Assoziationen ablehnt, beenden Sie untätige offene, oder erhöhen Sie MEDIVIEW_MAX_ASSOCIATIONS; wo sein Protokoll open_files_used_up nennt, erhöhen Sie LimitNOFILE seines Dienstes.`,
  hl7_silent: ({ command }) =>
    `MEDIVIEW_HL7_PORT ist gesetzt, und seit einer halben Minute gibt kein HL7-Empfang ein Lebenszeichen: Über HL7 kommen keine Anforderungen und keine Änderungen von Patienten. Starten Sie ihn mit \`${command}\`.`,
  disk_nearly_full: ({ free, folder }) =>
    `Wo ${folder} liegt, sind ${free} KiB frei, zu wenig für den Index und das Audit-Protokoll. Schaffen Sie Platz.`,
  disk_full: ({ free, folder, needed }) =>
    `Wo ${folder} liegt, sind ${free} MiB frei; unter ${needed} MiB nimmt der Knoten nichts an. Schaffen Sie Platz.`,
  disk_read_only: ({ folder }) =>
    `Der Datenträger von ${folder} ist schreibgeschützt. Linux macht das nach Fehlern: Sehen Sie in dmesg nach, prüfen Sie das Dateisystem, und hängen Sie es wieder zum Schreiben ein.`,
  disk_no_room: ({ folder }) =>
    `In ${folder} ist für keine weitere Datei Platz: kein Speicherplatz, keine Inodes (df -i) oder kein Kontingent. Schaffen Sie Platz, oder erhöhen Sie das Kontingent.`,
  disk_not_writable: ({ folder, user }) =>
    `${folder} ist nicht beschreibbar. Geben Sie den Ordner diesem Benutzer: chown -R ${user} ${folder}`,
  disk_fails: ({ folder, error }) =>
    `Schreiben in ${folder} scheitert: ${error}. Der Datenträger oder seine Verbindung ist defekt: Sehen Sie in dmesg und smartctl -a nach, und ersetzen Sie ihn. Was angekommen ist, prüft \`mediview storage verify\`.`,
  disk_slow: ({ folder, seconds }) =>
    `Der Datenträger von ${folder} ist langsam: Eine kleine Datei zu schreiben dauerte ${seconds} s. ${lookAtDisk}`,
  disk_hangs: ({ folder, seconds }) =>
    `Der Datenträger von ${folder} ist langsam: Eine kleine Datei ist nach ${seconds} s noch nicht geschrieben. ${lookAtDisk}`,
  instance_lost: ({ named }) =>
    `1 gespeicherte Instanz ist beschädigt oder verloren: ${named}. Lassen Sie sie noch einmal an diesen Knoten senden; das stellt sie wieder her. Prüfen Sie den Datenträger; \`mediview storage verify\` nennt alle.`,
  instances_lost: ({ count, named }) =>
    `${count} gespeicherte Instanzen sind beschädigt oder verloren: ${list(named)}. Lassen Sie sie noch einmal an diesen Knoten senden; das stellt sie wieder her. Prüfen Sie den Datenträger; \`mediview storage verify\` nennt alle.`,
  one_series_set_aside: ({ named }) =>
    `1 Serie ist zurückgestellt, da der Prozess, der über Serien entscheidet, über ihr immer wieder endete: ${study(named)}. ${setAside}`,
  series_set_aside: ({ count, named }) =>
    `${count} Serien sind zurückgestellt, da der Prozess, der über Serien entscheidet, über ihnen immer wieder endete: ${study(list(named))}. ${setAside}`,
  volumes_missing: ({ folder }) =>
    `In ${folder} liegt kein Volume, obwohl Instanzen nur dort liegen: Hängen Sie den Datenträger ein, und starten Sie den Knoten neu; ist der Datenträger verloren, stellen Sie eine Sicherung wieder her.`,
  access_rule_unreadable: ({ names }) =>
    `Die Regel der Zugriffsgruppe ${names} lässt sich nicht lesen: Sie gibt der Gruppe keine weiteren Studien, und was keine andere Regel trifft, sehen nur Administratoren. Schreiben Sie sie neu mit \`mediview access-groups change NAME --rule\`.`,
  jobs_overdue: ({ named, seconds }) =>
    `Über der Frist und nicht beendet: ${list(named).replaceAll(", job ", ", Auftrag ").replaceAll(", since ", ", seit ")}. Ein Prozess, der ${seconds} s darüber hinaus rechnet (MEDIVIEW_JOB_GRACE_S), wird beendet; bleibt ein Auftrag, starten Sie den Worker neu.`,
  check_failed: ({ error }) => `Die Prüfung selbst ist gescheitert: ${error}.`,
  ...outlook,
};

function study(named: string): string {
  return named.replaceAll(" of study ", " der Studie ");
}
