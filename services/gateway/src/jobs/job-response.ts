import { ReportedProgress, type JobResponse, type Progress } from '@tessera/contracts';
import type { BlobStore } from '@tessera/blob-store';
import type { JobSnapshot } from '@tessera/queue';
import type { FastifyBaseLogger } from 'fastify';
import { Value } from 'typebox/value';
import type { GatewayContext } from '../context.js';
import { problemDetails } from '../problems/problem-details.js';
import { repeatLost } from './lost-result.js';

/** A job as `GET /jobs/{id}` shows it, with its result while that is stored. One whose result was lost is queued again. */
export async function jobResponse(
  job: JobSnapshot<unknown>,
  context: Pick<GatewayContext, 'blobs' | 'queue' | 'config'>,
  log: FastifyBaseLogger,
): Promise<JobResponse> {
  const result = await jobResult(job, context.blobs);
  const isRepeated = result === undefined && (await repeatLost(job, context, log));
  const now = isRepeated ? await context.queue.get(job.id) : null;
  return now === null ? withResult(job, result) : withResult(now, await jobResult(now, context.blobs));
}

function withResult(job: JobSnapshot<unknown>, result: unknown): JobResponse {
  return { ...jobSummary(job), ...(result === undefined ? {} : { result }) };
}

/** The result of a job; undefined when it has none (any more). */
export async function jobResult({ resultKey }: JobSnapshot<unknown>, blobs: BlobStore): Promise<unknown> {
  const result = resultKey === null ? null : await blobs.get(resultKey);
  return result === null ? undefined : (JSON.parse(Buffer.from(result).toString('utf8')) as unknown);
}

/** A job without its result. */
export function jobSummary(job: JobSnapshot<unknown>): JobResponse {
  const [progress] = reportedProgress(job).slice(-1);
  return {
    id: job.id,
    status: job.status,
    ...(job.position === null ? {} : { position: job.position }),
    created_at: timestamp(job.createdAt),
    ...(job.startedAt === null ? {} : { started_at: timestamp(job.startedAt) }),
    ...(job.finishedAt === null ? {} : { finished_at: timestamp(job.finishedAt) }),
    ...(progress === undefined ? {} : { progress }),
    ...(job.error === null ? {} : { error: problemDetails(job.error) }),
  };
}

/** The milestones of a job's progress, then its latest progress; empty while it has not reported any. */
export function reportedProgress({ progress }: JobSnapshot<unknown>): readonly Progress[] {
  if (!Value.Check(ReportedProgress, progress)) return [];
  const { milestones = [], ...latest } = progress;
  return [...milestones, latest];
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
