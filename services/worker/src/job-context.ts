import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line about a job says of it. */
export interface JobLabels {
  readonly job: string;
  /** Id of the HTTP request that asked for it; absent when none did. */
  readonly reqId?: string;
  /** Of the trace of the attempt, when it has one. */
  readonly trace_id?: string;
  readonly span_id?: string;
}

/** A job under way. */
export interface JobUnderWay {
  readonly labels: JobLabels;
  /** Whether each of its graph runs is a span of its trace: not in a training, which has thousands. */
  readonly tracesRuns: boolean;
}

/** The job for which the code that asks is working. */
export const jobContext = new AsyncLocalStorage<JobUnderWay>();
