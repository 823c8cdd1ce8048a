import { performance } from 'node:perf_hooks';
import { getImage, type BlobStore } from '@tessera/blob-store';
import { resultKey, TesseraError, type Config, type SegmentJob, type SegmentResponse } from '@tessera/contracts';
import type { JobHandler, RunningJob } from '@tessera/queue';
import type { SegmentImage } from '@tessera/segmentation';
import { canaryImage, canaryQuery } from './canary.js';
import type { Models } from './models.js';
import { progressReport } from './progress-report.js';

/** What the worker does with a job: runs its model and stores the response of the route under the job's result key. */
export function createJobHandler(config: Config, models: Models, blobs: BlobStore): JobHandler {
  return async (job) => {
    const response = job.data.kind === 'segment' ? await segment(job, job.data) : await runCanary();
    const key = resultKey(job.id);
    await blobs.put(key, Buffer.from(JSON.stringify(response)), { ttlMs: config.TESSERA_RESULT_TTL_S * 1000 });
    return key;
  };

  async function segment(job: RunningJob, { imageId, queries, options }: SegmentJob): Promise<SegmentResponse> {
    const startedAt = performance.now();
    const queueMs = Math.max(0, Date.now() - job.enqueuedAt);
    const { description, segmenter } = models.find(options.model);
    const report = progressReport(job);
    const { image, results, pruning, tokenLayout, timingsMs } = await segmenter.segment(
      storedImage(imageId),
      queries,
      options,
      {
        signal: job.signal,
        onProgress: (stage, fraction) => {
          report({ stage, fraction });
        },
      },
    );
    const totalMs = queueMs + performance.now() - startedAt;
    return {
      id: job.id,
      model: `${description.name}@${description.version}`,
      image: { id: imageId, ...image },
      results,
      ...(pruning ? { pruning } : {}),
      ...(tokenLayout ? { token_layout: tokenLayout } : {}),
      timings_ms: rounded({ queue: queueMs, ...timingsMs, total: totalMs }),
    };
  }

  function storedImage(id: string): SegmentImage {
    return {
      id,
      async read() {
        const bytes = await getImage(blobs, id);
        if (bytes) return bytes;
        throw new TesseraError('TSR_IMAGE_NOT_FOUND', `The image ${id} expired before the job ran; send it again.`);
      },
    };
  }

  async function runCanary(): Promise<{ model: string }> {
    const { description, segmenter } = models.find(undefined);
    await segmenter.segment(canaryImage(), [canaryQuery], { refine: false });
    return { model: description.name };
  }
}

/** Milliseconds to a tenth: what the clock resolves once a job has crossed two processes. */
function rounded(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [stage, Math.round(ms * 10) / 10]));
}
