import {
  type BlobStore,
  claimVocabulary,
  forgetTraining,
  getTrainingExamples,
  getVocabularyClaim,
  resultKey,
  trainingCheckpointKey,
  trainingImageKey,
  vocabularyKey,
} from '@tessera/blob-store';
import { describeVocabulary, serializeVocabulary } from '@tessera/composition';
import { mayRecover, TesseraError, type Config, type StoredExample, type TrainVocabularyJob } from '@tessera/contracts';
import type { CompositionModel, TrainingExample } from '@tessera/dual-encoder';
import { postponementMs, type JobHandler, type RunningJob } from '@tessera/queue';
import type { TaskModels } from './models.js';
import { trainingReport } from './training-progress.js';

type TrainingJob = RunningJob<TrainVocabularyJob>;

/**
 * Trains vocabularies. After every epoch a checkpoint is stored, from which another worker continues when this one dies or drains. The
 * vocabulary is stored in one piece at the end, by the job that holds the claim to its name; a training that fails or is
 * cancelled leaves nothing behind.
 */
export function createTrainingHandler(
  config: Config,
  models: TaskModels<CompositionModel>,
  blobs: BlobStore,
): JobHandler<TrainVocabularyJob> {
  const expiry = { ttlMs: config.TESSERA_TRAINING_TTL_S * 1000 };

  return async (job) => {
    const key = resultKey(job.id);
    try {
      // An attempt that died after its last step has already stored the result.
      if (!(await blobs.has(key))) {
        const description = await train(job);
        await blobs.put(key, Buffer.from(JSON.stringify(description)), { ttlMs: config.TESSERA_RESULT_TTL_S * 1000 });
      }
    } catch (error) {
      // What cannot be deleted expires; the client gets the error of the training.
      if (isFinal(job, error)) await forgetTraining(blobs, job.id, job.data.name).catch(() => undefined);
      throw error;
    }
    await forgetTraining(blobs, job.id, job.data.name);
    return key;
  };

  async function train(job: TrainingJob) {
    const { name, model, method, recipe } = job.data;
    const { pipeline } = models.find(model);
    await requireClaim(job);
    const stored = await getTrainingExamples(blobs, job.id);
    if (stored === null) {
      throw new TesseraError(
        'TSR_TRAINING_SET_INVALID',
        'The examples expired before the training ran; send them again.',
      );
    }
    const examples = stored.map((example) => trainingExample(job.id, example));
    const vocabulary = await pipeline.trainVocabulary(
      { name, method, examples, recipe },
      {
        signal: job.signal,
        onProgress: trainingReport(job),
        loadCheckpoint: async () => (await blobs.get(trainingCheckpointKey(job.id))) ?? undefined,
        saveCheckpoint: (checkpoint) => blobs.put(trainingCheckpointKey(job.id), checkpoint, expiry),
      },
    );
    await requireClaim(job);
    await job.throwIfCancelled();
    await blobs.put(vocabularyKey(name), serializeVocabulary(vocabulary), { ttlMs: null });
    return describeVocabulary(vocabulary);
  }

  /** The gateway that added the job may have died before it handed its claim on: then it is made here. */
  async function requireClaim({ id, data: { name } }: TrainingJob): Promise<void> {
    if (await claimVocabulary(blobs, name, { job: id, isUploading: false }, expiry)) return;
    if ((await getVocabularyClaim(blobs, name))?.job === id) return;
    throw new TesseraError('TSR_VOCABULARY_CONFLICT', `Another training has claimed the name "${name}".`);
  }

  function trainingExample(jobId: string, { image: id, ...labels }: StoredExample): TrainingExample {
    return {
      image: {
        id,
        async read() {
          const bytes = await blobs.get(trainingImageKey(jobId, id));
          if (bytes !== null) return bytes;
          throw new TesseraError(
            'TSR_TRAINING_SET_INVALID',
            'An image expired before the training read it; send it again.',
          );
        },
      },
      ...labels,
    };
  }
}

/** Whether no other attempt will follow. Draining, and a lock that was lost, hand the job to another worker. */
function isFinal({ signal, isLastAttempt }: TrainingJob, error: unknown): boolean {
  if (signal.aborted) return TesseraError.isInstance(signal.reason);
  if (postponementMs(error) !== undefined) return false;
  return isLastAttempt || !mayRecover(error);
}
