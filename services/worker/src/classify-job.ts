import type { BlobStore } from '@tessera/blob-store';
import {
  ClassifyOptions,
  parseMatching,
  TesseraError,
  type ClassifyCompositionResponse,
  type ClassifyJob,
} from '@tessera/contracts';
import { isTrained, type CompositionModel } from '@tessera/dual-encoder';
import type { RunningJob } from '@tessera/queue';
import type { JobTools } from './job-tools.js';
import { startTimings } from './job-timings.js';
import type { TaskModels } from './models.js';
import { stageObserver } from './progress-report.js';
import { storedImage } from './stored-image.js';

/** Answers `POST /classify-composition`. */
export async function classify(
  job: RunningJob,
  { imageIds, options: given }: ClassifyJob,
  models: TaskModels<CompositionModel>,
  { blobs, vocabularies, metrics, tracing, shared }: JobTools,
): Promise<ClassifyCompositionResponse> {
  const timings = startTimings(job);
  const { model, vocabulary: named, ...options } = await readOptions(given, blobs);
  const vocabulary = typeof named === 'string' ? await vocabularies.read(named) : named;
  const { description, pipeline } = models.find(model ?? (isTrained(vocabulary) ? vocabulary.model : undefined));
  const images = imageIds.map((id) => storedImage(id, blobs));
  const { timingsMs, ...outcome } = await pipeline.classify(images, vocabulary, options, {
    ...stageObserver(job, tracing),
    shared,
  });
  metrics.observeStages(description.name, timingsMs);
  return {
    id: job.id,
    model: `${description.name}@${description.version}`,
    ...(typeof named === 'string' ? { vocabulary: named } : {}),
    ...outcome,
    timings_ms: timings(timingsMs),
  };
}

async function readOptions(options: ClassifyJob['options'], blobs: BlobStore): Promise<ClassifyOptions> {
  if (!('key' in options)) return options;
  const bytes = await blobs.get(options.key);
  if (bytes === null)
    throw new TesseraError('TSR_JOB_EXPIRED', 'The options of the request expired before the job ran.');
  return parseMatching(ClassifyOptions, bytes, 'The request’s options');
}
