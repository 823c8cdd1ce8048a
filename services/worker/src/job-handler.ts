import { resultKey } from '@tessera/blob-store';
import { TesseraError, type Config } from '@tessera/contracts';
import { imageLimits } from '@tessera/images';
import type { SharedOutputs } from '@tessera/inference';
import type { JobHandler, RunningJob } from '@tessera/queue';
import { runCanary } from './canary.js';
import { classify } from './classify-job.js';
import type { JobTools } from './job-tools.js';
import type { Models } from './models.js';
import type { EmbeddingCache } from './embedding-cache.js';
import { segment } from './segment-job.js';
import { VocabularyReader } from './vocabulary-reader.js';

interface HandlerOptions extends Pick<JobTools, 'blobs' | 'metrics' | 'tracing'> {
  readonly cache: EmbeddingCache | undefined;
}

/** Runs the model of a job and stores the route's response under the key of the job's result. */
export function createJobHandler(config: Config, models: Models, { cache, ...observers }: HandlerOptions): JobHandler {
  const { blobs } = observers;
  const tools = {
    ...observers,
    vocabularies: new VocabularyReader(blobs),
    limits: imageLimits(config.TESSERA_MAX_MEGAPIXELS),
  };
  return async (job) => {
    const shared = cache?.forRequest();
    try {
      const key = resultKey(job.id);
      const result = Buffer.from(JSON.stringify(await respond(job, shared)));
      const expiry = { ttlMs: config.TESSERA_RESULT_TTL_S * 1000 };
      // The first result of a job stays: of two workers with one job, one has lost it without knowing, and a client may have
      // seen the other one's result.
      const stored = blobs.putNew(key, result, expiry);
      // Side by side: neither has to wait for the other.
      await Promise.all([stored, job.throwIfCancelled().catch(() => undefined)]);
      // A cancelled job has no result. An attempt that was interrupted otherwise leaves it to the next one.
      if (isCancelled(job)) await blobs.delete(key);
      job.signal.throwIfAborted();
      return key;
    } finally {
      shared?.release();
    }
  };

  function respond(job: RunningJob, shared: SharedOutputs | undefined): Promise<object> {
    switch (job.data.kind) {
      case 'segment':
        return segment(job, job.data, models.segmentation, { ...tools, shared });
      case 'classify':
        return classify(job, job.data, models.composition, { ...tools, shared });
      case 'canary':
        return runCanary(models);
    }
  }
}

function isCancelled({ signal }: RunningJob): boolean {
  return TesseraError.isInstance(signal.reason) && signal.reason.code === 'TSR_JOB_CANCELLED';
}
