import { text } from "@/shared/i18n";
import type { Decision, ReasonPart, Delivery, DeliveryState, Job, JobState, StudyState, Urgency } from "@/shared/api/types";

export type Tone = "quiet" | "busy" | "good" | "warn" | "bad";

const studyTones: Record<StudyState, Tone> = {
  receiving: "busy",
  complete: "quiet",
  queued: "busy",
  running: "busy",
  results: "good",
  delivered: "good",
  refused: "warn",
  failed: "bad",
};

export const studyStates = Object.keys(studyTones) as StudyState[];

export function studyBadge(state: StudyState): { word: string; tone: Tone } {
  return { word: text().states.study[state] ?? state, tone: studyTones[state] ?? "quiet" };
}

const urgencyTones: Record<Urgency, Tone> = {
  critical: "bad",
  stat: "bad",
  high: "warn",
  unread: "busy",
  unreported: "quiet",
  reported: "good",
};

export function urgencyBadge(urgency: Urgency): { word: string; tone: Tone } {
  return { word: text().studyList.urgencies[urgency], tone: urgencyTones[urgency] };
}

const jobTones: Record<JobState, Tone> = {
  scheduled: "busy",
  in_progress: "busy",
  completed: "good",
  failed: "bad",
  cancelled: "quiet",
  superseded: "warn",
};

export const jobStates = Object.keys(jobTones) as JobState[];

/** Whether the job ended without a result that counts, and may be tried again. */
export function hasEndedInVain(job: Job): boolean {
  return job.state === "failed" || job.state === "cancelled";
}

/** The instances of superseded jobs: they lie in the study still, and count no more. */
export function withdrawnResults(jobs: readonly Job[]): string[] {
  return jobs
    .filter((job) => job.state === "superseded")
    .flatMap((job) => job.results.map((result) => result.sop_instance_uid));
}

export function jobBadge(state: JobState): { word: string; tone: Tone } {
  return { word: text().states.job[state] ?? state, tone: jobTones[state] ?? "quiet" };
}

const deliveryTones: Record<DeliveryState, Tone> = {
  awaiting_release: "warn",
  withheld: "quiet",
  pending: "busy",
  sending: "busy",
  sent: "busy",
  confirmed: "good",
  refused: "bad",
  cancelled: "quiet",
};

export function deliveryBadge(state: DeliveryState): { word: string; tone: Tone; meaning: string } {
  const { delivery, deliveryMeaning } = text().states;
  return {
    word: delivery[state] ?? state,
    tone: deliveryTones[state] ?? "quiet",
    meaning: deliveryMeaning[state] ?? "",
  };
}

/** STAT as the node counts it. */
export const statPriority = 100;

export function isActive(job: Job): boolean {
  return job.state === "scheduled" || job.state === "in_progress";
}

export function percent(job: Job): number {
  if (job.state === "completed") return 100;
  return Math.round(Math.min(1, Math.max(0, job.progress)) * 100);
}

/** The list of jobs with one replaced by that of an event, unless the event is the older one. */
export function withJob(jobs: readonly Job[], update: Job): Job[] {
  const known = jobs.some((job) => job.job_id === update.job_id);
  if (!known) return [update, ...jobs];
  return jobs.map((job) => {
    if (job.job_id !== update.job_id) return job;
    return update.updated_at < job.updated_at ? job : { ...job, ...update };
  });
}

/** The job worth a row's progress bar: one that runs, else one that waits. */
export function activeJob(jobs: readonly Job[]): Job | null {
  return (
    jobs.find((job) => job.state === "in_progress") ??
    jobs.find((job) => job.state === "scheduled") ??
    null
  );
}

export type ReleaseDecision = "release" | "withhold";

export interface DestinationSummary {
  destination: string;
  /** The state furthest from done among the objects. */
  state: DeliveryState;
  total: number;
  confirmed: number;
  /** Of the objects, those that wait for a person, and those that a person decided not to send. */
  awaitingRelease: number;
  withheld: number;
  attempts: number;
  nextAttemptAt: string | null;
  lastError: string;
}

/** From what is furthest from its end; what a person withheld has ended, too, and what was rejected. */
const towardsConfirmed: DeliveryState[] = [
  "refused",
  "awaiting_release",
  "pending",
  "sending",
  "sent",
  "confirmed",
  "withheld",
  "cancelled",
];

/** Deliveries by destination; each is as far as its slowest object. */
export function byDestination(deliveries: readonly Delivery[]): DestinationSummary[] {
  const summaries = new Map<string, DestinationSummary>();
  for (const delivery of deliveries) {
    const summary = summaries.get(delivery.destination) ?? {
      destination: delivery.destination,
      state: "cancelled",
      total: 0,
      confirmed: 0,
      awaitingRelease: 0,
      withheld: 0,
      attempts: 0,
      nextAttemptAt: null,
      lastError: "",
    };
    summary.total += 1;
    if (delivery.state === "confirmed") summary.confirmed += 1;
    if (delivery.state === "awaiting_release") summary.awaitingRelease += 1;
    if (delivery.state === "withheld") summary.withheld += 1;
    if (towardsConfirmed.indexOf(delivery.state) < towardsConfirmed.indexOf(summary.state)) {
      summary.state = delivery.state;
    }
    summary.attempts = Math.max(summary.attempts, delivery.attempts);
    if (delivery.state === "pending" && delivery.attempts > 0) {
      summary.nextAttemptAt ??= delivery.next_attempt_at;
      summary.lastError ||= delivery.last_error;
    }
    summaries.set(delivery.destination, summary);
  }
  return [...summaries.values()].sort((a, b) => a.destination.localeCompare(b.destination));
}

/** What a person can decide about results for a destination, however far its other objects are. */
export function releaseDecisions(summary: DestinationSummary): ReleaseDecision[] {
  if (summary.awaitingRelease > 0) return ["release", "withhold"];
  return summary.withheld > 0 ? ["release"] : [];
}

/** Of all that the rules say, what they say of the series on which this pipeline did not run. */
export function explanationsFor<T extends { pipeline: string; series_instance_uid: string }>(
  explanations: readonly T[],
  pipeline: string,
  seriesInstanceUids: readonly string[],
): T[] {
  return explanations.filter(
    (one) => one.pipeline === pipeline && seriesInstanceUids.includes(one.series_instance_uid),
  );
}

interface RefusedRow {
  pipeline: string;
  reason: string;
  reasonParts: readonly ReasonPart[];
  seriesInstanceUids: string[];
}

/** One row for each pipeline and reason: a study of many series often refuses for one cause. */
export function refusals(
  decisions: readonly Decision[],
): RefusedRow[] {
  const groups = new Map<string, RefusedRow>();
  for (const decision of decisions) {
    if (decision.accepted) continue;
    const key = `${decision.pipeline}\n${decision.reason}`;
    const group = groups.get(key) ?? {
      pipeline: decision.pipeline,
      reason: decision.reason,
      reasonParts: decision.reason_parts ?? [],
      seriesInstanceUids: [],
    };
    group.seriesInstanceUids.push(decision.series_instance_uid);
    groups.set(key, group);
  }
  return [...groups.values()];
}
