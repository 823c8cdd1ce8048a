import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BlobStore, openFileBlobStore, resultKey, workerKeyPrefix } from '@tessera/blob-store';
import {
  errorTable,
  parseConfig,
  TesseraError,
  type ErrorCode,
  type JobData,
  type JobResponse,
  type ProblemDetails,
  type SegmentOptions,
  type SegmentPrompt,
  type TrainVocabularyJob,
  type WebhookDelivery,
  type WorkerReport,
} from '@tessera/contracts';
import { createJobQueue, type JobProcessor, type JobQueue, type RunningJob } from '@tessera/queue';
import { provideEmptyQueue } from '@tessera/runtime/testing';
import { pino, type Logger } from 'pino';
import request from 'supertest';
import { createGateway } from '../app.js';
import type { GatewayApp } from '../context.js';

/** The real embedded queue and blob store, shared by the gateways of one test file. */
export class TestStores {
  readonly blobs: BlobStore;
  readonly #directory: string;
  /** Shared by all gateways. */
  readonly trainings: JobQueue<TrainVocabularyJob>;
  readonly webhooks: JobQueue<WebhookDelivery>;
  readonly #queues: JobQueue[] = [];

  private constructor(
    directory: string,
    blobs: BlobStore,
    trainings: JobQueue<TrainVocabularyJob>,
    webhooks: JobQueue<WebhookDelivery>,
  ) {
    this.#directory = directory;
    this.blobs = blobs;
    this.trainings = trainings;
    this.webhooks = webhooks;
  }

  static async open(): Promise<TestStores> {
    const directory = await mkdtemp(join(tmpdir(), 'tessera-gateway-'));
    provideEmptyQueue(join(directory, 'queue'));
    const blobs = await openFileBlobStore({ directory: join(directory, 'blobs'), onError: fail });
    const trainings = await openEmbedded<TrainVocabularyJob>(directory, 'trainings');
    return new TestStores(directory, blobs, trainings, await openEmbedded<WebhookDelivery>(directory, 'webhooks'));
  }

  /** A queue of its own, so that the jobs of one test are no concern of the others. */
  async openQueue(name: string, maxWaiting = 1_000): Promise<JobQueue> {
    const queue = await openEmbedded<JobData>(this.#directory, name, maxWaiting);
    this.#queues.push(queue);
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues, this.trainings, this.webhooks].map((queue) => queue.close()));
    await this.blobs.close();
    await rm(this.#directory, { recursive: true });
  }
}

function openEmbedded<Data>(directory: string, name: string, maxWaiting = 1_000): Promise<JobQueue<Data>> {
  const connection = { kind: 'embedded', directory: join(directory, 'queue') } as const;
  return createJobQueue<Data>({ name, connection, maxWaiting, attempts: 1, onError: () => undefined });
}

function fail(error: Error): never {
  throw error;
}

export interface TestGateway {
  readonly app: GatewayApp;
  readonly port: number;
  readonly client: ReturnType<typeof request>;
}

/** A gateway that listens on a free loopback port. The settings are environment variables. */
export async function listen(
  queue: JobQueue,
  { blobs, trainings, webhooks }: Pick<TestStores, 'blobs' | 'trainings' | 'webhooks'>,
  settings: Record<string, string> = {},
  logger: Logger = pino({ level: 'silent' }),
): Promise<TestGateway> {
  // A test keeps the event loop that it shares with its gateway as busy as it likes.
  const config = parseConfig({ TESSERA_MAX_EVENT_LOOP_DELAY_MS: '0', ...settings });
  const app = await createGateway({ config, queue, trainings, webhooks, blobs, logger });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, port: (app.server.address() as AddressInfo).port, client: request(app.server) };
}

/**
 * Answers jobs as a worker would. Some queries do not simply succeed: `slow` takes a second and a half, `error TSR_…` fails
 * with that error, `crash` with one that is not a `TesseraError`.
 */
export function answerJobs(queue: JobQueue, blobs: BlobStore): JobProcessor {
  return queue.process(
    async (job) => {
      const key = resultKey(job.id);
      await blobs.put(key, Buffer.from(JSON.stringify(await answer(job))), { ttlMs: 60_000 });
      return key;
    },
    { concurrency: 8 },
  );
}

async function answer({ id, data, signal }: RunningJob): Promise<object> {
  if (data.kind !== 'segment') return {};
  for (const query of data.queries) {
    if (query === 'slow') await delay(1_500, undefined, { signal });
    if (query === 'crash') throw new Error('secret of the worker');
    const code = query.replace('error ', '');
    if (Object.hasOwn(errorTable, code)) throw new TesseraError(code as ErrorCode, 'as asked');
  }
  const { imageId, queries, prompts, options } = data;
  const { overlay = false } = options.output ?? {};
  const picture = `data:image/${overlay === true ? 'jpeg' : String(overlay)};base64,${testPicture.toString('base64')}`;
  return {
    id,
    image: imageId,
    results: queries.map((query) => ({ query })),
    prompts,
    options,
    ...(overlay === false ? {} : { overlay: { image: picture } }),
  };
}

/** Bytes in place of a picture. */
export const testPicture = Buffer.from('the photo with its masks');

/** Reports a worker that serves one model. */
export async function reportWorker(
  blobs: BlobStore,
  id: string,
  modelName: string,
  task = 'segmentation',
): Promise<void> {
  const report: WorkerReport = {
    id,
    started_at: new Date().toISOString(),
    execution_provider: 'cpu',
    devices: [{ id: 0, ready: true }],
    models: [
      {
        name: modelName,
        version: '1',
        task,
        description: 'A model',
        license: 'Apache-2.0',
        default: true,
        provenance: [],
      },
    ],
    jobs: { succeeded: 3, failed: 1, running: 0 },
    inference_restarts: 0,
  };
  await blobs.put(`${workerKeyPrefix}${id}`, Buffer.from(JSON.stringify(report)), { ttlMs: 600_000 });
}

/** What {@link answerJobs} answers `POST /segment`. */
interface TestAnswer {
  readonly image: string;
  readonly results: readonly { readonly query: string }[];
  readonly prompts?: readonly SegmentPrompt[];
  readonly options: SegmentOptions;
}

/** A response of supertest, whose body has no type. */
interface AnyResponse {
  readonly body: unknown;
}

export function answerOf({ body }: AnyResponse): TestAnswer {
  return body as TestAnswer;
}

export function problemOf({ body }: AnyResponse): ProblemDetails {
  return body as ProblemDetails;
}

export function jobOf({ body }: AnyResponse): JobResponse {
  return body as JobResponse;
}

/** Waits until the condition holds, for ten seconds at most. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`The condition was not met in ${timeoutMs} ms`);
    await delay(50);
  }
}
