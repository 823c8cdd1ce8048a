import { TesseraError, type ClassifyJob, type Config, type SegmentJob, type Webhook } from '@tessera/contracts';
import type { JobOutcome, JobSnapshot } from '@tessera/queue';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../context.js';
import type { WaitOutcome } from '../metrics.js';
import { acceptedJob, addedJob } from './accepted-job.js';
import { clientGone } from './client-gone.js';
import { reserveJob } from './idempotency.js';
import { jobOptions } from './job-headers.js';
import { nameJobInLog } from './job-log.js';
import { jobOrigin } from './job-origin.js';
import { jobSummary } from './job-response.js';
import { lostJob, repeatLost } from './lost-result.js';
import { parsePrefer, type Preferences } from './prefer-header.js';
import { waitForJob } from './wait-for-job.js';

/** Longest wait that `Prefer: wait=N` can ask for, unless the default is longer. */
const longestWaitSeconds = 120;
/** Seconds after which a client with a 202 answer should request its job. */
const retryAfterSeconds = 1;

interface Answering {
  readonly reply: FastifyReply;
  /** Aborted when the client has disconnected. */
  readonly client: AbortSignal;
  /** Whether others may wait for the job or are called when it ends, so that it goes on when the client has disconnected. */
  readonly isShared: boolean;
  /** Whether this request has added the job. */
  readonly isNew: boolean;
  /** Time spent before the job was queued. */
  readonly intakeMs: number;
  readonly sendResult: SendResult;
  readonly mustFinish: boolean;
}

/** Sends the result of a job, the JSON text of the route's response. */
export type SendResult = (result: Buffer, reply: FastifyReply) => FastifyReply;

const sendJson: SendResult = (result, reply) => reply.type('application/json').send(result);

/** What a request asks for. */
interface JobRequest {
  readonly body: object;
  readonly webhook: Webhook | undefined;
  /** Makes the job, and stores the images meanwhile; nothing is queued when it throws. */
  readonly createJob: (id: string, client: AbortSignal) => Promise<SegmentJob | ClassifyJob>;
  readonly sendResult?: SendResult;
  /** Whether the client knows no 202: it waits as long as it may, and gets an error when the job has not finished then. */
  readonly mustFinish?: boolean;
}

/**
 * Queues a request's job and answers with it: 200 and the result when it succeeds within the wait, the job's own error
 * when it fails, 202 otherwise. When the client disconnects before that, the job is cancelled: only the client would know its id.
 * A request with an idempotency key that was used before queues nothing and waits for the same job.
 */
export async function answerWithJob(
  request: FastifyRequest,
  reply: FastifyReply,
  context: GatewayContext,
  { body, webhook, createJob, sendResult = sendJson, mustFinish = false }: JobRequest,
): Promise<FastifyReply> {
  const startedAt = performance.now();
  const client = clientGone(reply);
  const origin = jobOrigin(request, webhook, context);
  const { id, isShared, isKnown } = await reserveJob(request, body, context);
  nameJobInLog(request, reply, id);
  if (isKnown) reply.header('idempotency-replayed', 'true');
  const queued = isKnown ? await context.queue.get(id) : null;
  const isNew = queued === null;
  const job = queued ?? addedJob(id, await createJob(id, client));
  // The images must not stay in memory while the request waits.
  request.body = undefined;
  request.uploads = new Map();
  request.bodyLease.release();
  // An id that is queued already is not added again.
  if (isNew) {
    await context.queue.add(job.data, { id, origin, ...jobOptions(request) });
    request.log.info({ kind: job.data.kind }, 'job queued');
  }
  const intakeMs = performance.now() - startedAt;
  const isKept = isShared || webhook !== undefined;
  const answering = { reply, client, isShared: isKept, isNew, intakeMs, sendResult, mustFinish };
  return answerQueued(job, parsePrefer(request.headers.prefer), context, answering);
}

/** @param accepted - the job as it was when it was accepted */
async function answerQueued(
  accepted: JobSnapshot,
  preferences: Preferences,
  context: GatewayContext,
  answering: Answering,
): Promise<FastifyReply> {
  const { reply, intakeMs, sendResult, mustFinish } = answering;
  if (preferences.respondAsync && !mustFinish) {
    reply.header('preference-applied', 'respond-async');
    return accept(reply, await acceptedJob(context.queue, accepted));
  }
  const waitSeconds = effectiveWait(mustFinish ? { waitSeconds: Infinity } : preferences, context.config);
  if (preferences.waitSeconds !== undefined && !mustFinish) reply.header('preference-applied', `wait=${waitSeconds}`);
  const startedAt = performance.now();
  const job = await outcomeOf(accepted, waitSeconds * 1000, answering, context);
  if (job === null) return reply.hijack();
  if (isUnfinished(job)) {
    if (mustFinish) throw await giveUp(accepted.id, waitSeconds, answering, context);
    return accept(reply, job);
  }
  const jobMs = performance.now() - startedAt;
  const result = await finishedResult(job, context, reply.log);
  if (result === null) {
    if (mustFinish) throw lostJob();
    return accept(reply, await acceptedJob(context.queue, accepted));
  }
  reply.header('server-timing', `intake;dur=${intakeMs.toFixed(1)}, job;dur=${jobMs.toFixed(1)}`);
  return sendResult(result, reply);
}

/**
 * The job when it has finished or the wait is over, which ends early for a client that can ask for its job later when the queue
 * cannot be reached; null when the client has disconnected.
 */
async function outcomeOf(
  accepted: JobSnapshot,
  timeoutMs: number,
  { client, isShared, isNew, mustFinish }: Answering,
  { queue, metrics, draining }: GatewayContext,
): Promise<JobOutcome | null> {
  let outcome: WaitOutcome = 'failed';
  metrics.waitingRequests.inc();
  try {
    const waitOptions = { timeoutMs, isNew, needsQueue: !mustFinish };
    const finished = await waitForJob(queue, accepted.id, waitOptions, [client, draining]);
    if (client.aborted) {
      outcome = 'abandoned';
      if (!isShared) await queue.cancel(accepted.id);
      return null;
    }
    const job = finished ?? (await acceptedJob(queue, accepted));
    outcome = job.status === 'queued' || job.status === 'running' ? 'deferred' : job.status;
    return job;
  } finally {
    metrics.waitingRequests.dec();
    metrics.waits.inc({ outcome });
  }
}

/** The error of a client that does not get the job's id: nobody could ask for its result. */
async function giveUp(
  id: string,
  waitSeconds: number,
  { isShared }: Answering,
  { queue, draining }: GatewayContext,
): Promise<TesseraError> {
  if (!isShared) await queue.cancel(id);
  return draining.aborted
    ? new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The service is stopping.')
    : new TesseraError('TSR_JOB_EXPIRED', `The result was not ready within ${waitSeconds} s.`);
}

/** A job that was waited for has ended; one that was read then need not have. */
function isUnfinished(job: JobOutcome): job is JobSnapshot {
  const { status } = job;
  return status === 'queued' || status === 'running';
}

function effectiveWait({ waitSeconds }: Pick<Preferences, 'waitSeconds'>, config: Config): number {
  const most = Math.max(longestWaitSeconds, config.TESSERA_WAIT_S);
  return Math.min(waitSeconds ?? config.TESSERA_WAIT_S, most);
}

function accept(reply: FastifyReply, job: JobSnapshot): FastifyReply {
  return reply
    .code(202)
    .headers({ location: `/jobs/${job.id}`, 'retry-after': retryAfterSeconds })
    .send(jobSummary(job));
}

/**
 * The stored result of a job that has finished, JSON; null when it was lost, and the job runs again.
 *
 * @throws TesseraError the job's own error
 */
export async function finishedResult(
  job: JobOutcome,
  context: GatewayContext,
  log: FastifyBaseLogger,
): Promise<Buffer | null> {
  if (job.error !== null) throw TesseraError.fromJSON(job.error);
  context.readiness.recordSuccess();
  const result = job.resultKey === null ? null : await context.blobs.get(job.resultKey);
  if (result !== null) return Buffer.from(result.buffer, result.byteOffset, result.byteLength);
  if (await repeatLost(job, context, log)) return null;
  throw new TesseraError('TSR_JOB_NOT_FOUND', 'The result is not kept any more.');
}
