import { Progress, type JobResponse } from '@tessera/contracts';
import type { BlobStore } from '@tessera/blob-store';
import type { JobSnapshot } from '@tessera/queue';
import { Value } from 'typebox/value';
import { problemDetails } from '../problems/problem-details.js';

/** A job as `GET /jobs/{id}` shows it, its result inlined while that is kept. */
export async function jobResponse(job: JobSnapshot, blobs: BlobStore): Promise<JobResponse> {
  const result = job.resultKey === null ? null : await blobs.get(job.resultKey);
  return {
    ...jobSummary(job),
    ...(result === null ? {} : { result: JSON.parse(Buffer.from(result).toString('utf8')) as unknown }),
  };
}

/** A job without its result. */
export function jobSummary(job: JobSnapshot): JobResponse {
  return {
    id: job.id,
    status: job.status,
    ...(job.position === null ? {} : { position: job.position }),
    created_at: timestamp(job.createdAt),
    ...(job.startedAt === null ? {} : { started_at: timestamp(job.startedAt) }),
    ...(job.finishedAt === null ? {} : { finished_at: timestamp(job.finishedAt) }),
    ...(Value.Check(Progress, job.progress) ? { progress: job.progress } : {}),
    ...(job.error === null ? {} : { error: problemDetails(job.error) }),
  };
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
