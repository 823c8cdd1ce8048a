import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobStore, type BlobStore } from '@tessera/blob-store';
import { parseConfig, type TrainVocabularyJob } from '@tessera/contracts';
import { openJobQueues, type JobProcessor, type JobQueue } from '@tessera/queue';
import { provideEmptyQueue, redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { answerJobs, listen, reportWorker, type TestGateway } from './test-gateway.js';

/** Two gateways over the same stores. */
export interface Place {
  readonly gateways: readonly [TestGateway, TestGateway];
  readonly blobs: BlobStore;
  readonly queue: JobQueue;
  readonly trainings: JobQueue<TrainVocabularyJob>;
  /** Where it has one. */
  readonly redis?: RedisServer;
  readonly work: () => JobProcessor;
  readonly close: () => Promise<void>;
}

async function openPlace(settings: Record<string, string>): Promise<Place> {
  const config = parseConfig(settings);
  const onError = () => undefined;
  const blobs = await openBlobStore(config, onError);
  const queues = await openJobQueues(config, onError);
  await reportWorker(blobs, 'worker', 'tessera-mini');
  const open = () => listen(queues.queue, { ...queues, blobs }, settings);
  const gateways = [await open(), await open()] as const;
  return {
    gateways,
    blobs,
    queue: queues.queue,
    trainings: queues.trainings,
    work: () => answerJobs(queues.queue, blobs),
    close: async () => {
      await Promise.all(gateways.map(({ app }) => app.close()));
      await queues.close();
      await blobs.close();
    },
  };
}

/** Both kinds of queue, for tests that every one has to pass. */
export const backends = [
  {
    name: 'embedded',
    skip: false as const,
    open: async (settings: Record<string, string>): Promise<Place> => {
      const directory = await mkdtemp(join(tmpdir(), 'tessera-place-'));
      provideEmptyQueue(join(directory, 'queue'));
      const place = await openPlace({ ...settings, DATA_DIR: directory });
      return {
        ...place,
        close: async () => {
          await place.close();
          await rm(directory, { recursive: true });
        },
      };
    },
  },
  {
    name: 'Redis',
    skip: redisSkipReason,
    open: async (settings: Record<string, string>): Promise<Place> => {
      const server = await RedisServer.start();
      const place = await openPlace({ ...settings, REDIS_URL: server.url });
      return {
        ...place,
        redis: server,
        close: async () => {
          await place.close();
          await server.remove();
        },
      };
    },
  },
];
