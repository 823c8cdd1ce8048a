import { type BlobStore, resultKey } from '@tessera/blob-store';
import type { Config, SegmentJob, SegmentResponse } from '@tessera/contracts';
import type { JobHandler, RunningJob } from '@tessera/queue';
import { runCanary } from './canary.js';
import { classify } from './classify-job.js';
import { startTimings } from './job-timings.js';
import type { Models } from './models.js';
import { stageObserver } from './progress-report.js';
import { storedImage } from './stored-image.js';
import { VocabularyReader } from './vocabulary-reader.js';

/** Runs the model of a job and stores the route's response under the key of the job's result. */
export function createJobHandler(config: Config, models: Models, blobs: BlobStore): JobHandler {
  const vocabularies = new VocabularyReader(blobs);
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
        return segment(job, job.data);
      case 'classify':
        return classify(job, job.data, models.composition, blobs, vocabularies);
      case 'canary':
        return runCanary(models);
    }
  }

  async function segment(job: RunningJob, { imageId, options, ...question }: SegmentJob): Promise<SegmentResponse> {
    const timings = startTimings(job);
    const { description, pipeline } = models.segmentation.find(options.model);
    const { image, results, pruning, tokenLayout, timingsMs } = await pipeline.segment(
      storedImage(imageId, blobs),
      { ...question, options },
      stageObserver(job),
    );
    return {
      id: job.id,
      model: `${description.name}@${description.version}`,
      image: { id: imageId, ...image },
      results,
      ...(pruning ? { pruning } : {}),
      ...(tokenLayout ? { token_layout: tokenLayout } : {}),
      timings_ms: timings(timingsMs),
    };
  }
}
