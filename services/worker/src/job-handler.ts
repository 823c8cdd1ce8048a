import { type BlobStore, resultKey } from '@tessera/blob-store';
import type { Config } from '@tessera/contracts';
import { imageLimits } from '@tessera/images';
import type { JobHandler, RunningJob } from '@tessera/queue';
import { runCanary } from './canary.js';
import { classify } from './classify-job.js';
import type { Models } from './models.js';
import { segment } from './segment-job.js';
import type { WorkerMetrics } from './worker-metrics.js';
import { VocabularyReader } from './vocabulary-reader.js';

/** Runs the model of a job and stores the route's response under the key of the job's result. */
export function createJobHandler(config: Config, models: Models, blobs: BlobStore, metrics: WorkerMetrics): JobHandler {
  const vocabularies = new VocabularyReader(blobs);
  const limits = imageLimits(config.TESSERA_MAX_MEGAPIXELS);
  return async (job) => {
    const response = await respond(job);
    await job.throwIfCancelled();
    const key = resultKey(job.id);
    await blobs.put(key, Buffer.from(JSON.stringify(response)), { ttlMs: config.TESSERA_RESULT_TTL_S * 1000 });
    // Cancelled in the meantime: the job has no result.
    if (job.signal.aborted) await blobs.delete(key);
    return key;
  };

  function respond(job: RunningJob): Promise<object> {
    switch (job.data.kind) {
      case 'segment':
        return segment(job, job.data, models.segmentation, blobs, limits, metrics);
      case 'classify':
        return classify(job, job.data, models.composition, blobs, vocabularies, metrics);
      case 'canary':
        return runCanary(models);
    }
  }
}
