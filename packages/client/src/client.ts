import type {
  ClassifyCompositionRequest,
  ClassifyCompositionResponse,
  FailedWebhook,
  JobResponse,
  ModelDescription,
  ReadyzResponse,
  SegmentRequest,
  SegmentResponse,
  StoredImage,
  TrainingOptions,
  TrainVocabularyRequest,
  vocabularyMediaType,
  VocabularyDescription,
  VocabularySummary,
} from '@tessera/contracts';
import { formBody } from './form-body.js';
import { imageBody, type Body, type ImageInput } from './image-input.js';
import { jobUpdates, type JobUpdate } from './job-updates.js';
import { pause, pauseMs, unlessAborted } from './retries.js';
import { bytesOf, ConnectionError, errorOf, objectOf, ServiceError, type ExpectedFields } from './service-error.js';
import { chunksOf, streamOf } from './streams.js';

export type { ImageInput } from './image-input.js';

export interface ClientOptions {
  /** Where the service listens. */
  readonly url: string | URL;
  /** One of the service's API keys, when it has any. */
  readonly apiKey?: string | undefined;
  /**
   * How many more times a request is sent that found no service, or one that is overloaded or not ready: 3 by default.
   * Trainings are sent once.
   */
  readonly retries?: number;
  /** Longest time of a call, its retries and the wait for its job included; without a limit by default. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  /** Ends the call; it rejects with the signal's reason, and the job that it waits for is cancelled. */
  readonly signal?: AbortSignal | undefined;
  /** As {@link ClientOptions.timeoutMs}, for this call: it rejects with a `TimeoutError` as `AbortSignal.timeout` does. */
  readonly timeoutMs?: number | undefined;
}

export interface JobOptions extends CallOptions {
  /** Which waiting jobs go first. */
  readonly priority?: 'high' | 'normal' | 'low';
  /** Milliseconds within which the job has to start; otherwise it fails with `TSR_JOB_EXPIRED`. */
  readonly deadlineMs?: number;
  /** Gets the place in the queue and the progress of the job. */
  readonly onUpdate?: (update: JobUpdate) => void;
}

/** As the body of `POST /segment`; the image may be bytes or a `URL` as well. */
export interface SegmentCall extends Omit<SegmentRequest, 'image'> {
  readonly image: ImageInput;
}

/** As the body of `POST /classify-composition`; images may be bytes or a `URL` as well. */
export interface ClassifyCall extends Omit<ClassifyCompositionRequest, 'image' | 'images'> {
  readonly image?: ImageInput;
  readonly images?: readonly ImageInput[];
}

/** A training set as the bytes of a tar or tar.gz archive; made while it is sent, or in one piece. */
export type TrainingArchive = AsyncIterable<Uint8Array> | Blob;

interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Uint8Array | FormData | ReadableStream | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether the request may be sent again; true by default. */
  readonly isRepeatable?: boolean;
}

/** The answer of a route that queues a job: the job where the status is 202. */
interface JobAnswer {
  readonly status: number;
  readonly answer: unknown;
}

const mediaType: typeof vocabularyMediaType = 'application/vnd.tessera.vocabulary';
/** How long a request may go on after its call was given up, to learn which job is to be cancelled. */
const withdrawalMs = 3_000;

/**
 * Talks to a Tessera service. Every method rejects with a {@link ServiceError} when the service refuses, and with a
 * {@link ConnectionError} when it cannot be reached. Those that take an image reject with a `TypeError` for what is none.
 */
export class TesseraClient {
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #retries: number;
  readonly #timeoutMs: number | undefined;

  constructor({ url, apiKey, retries = 3, timeoutMs }: ClientOptions) {
    this.#url = new URL(url);
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    this.#retries = retries;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws ServiceError `TSR_NOT_READY` while no worker answers */
  ready(options?: CallOptions): Promise<ReadyzResponse> {
    return this.#json('readyz', { signal: this.#limit(options) });
  }

  async models(options?: CallOptions): Promise<ModelDescription[]> {
    const signal = this.#limit(options);
    const { models } = await this.#json<{ models: ModelDescription[] }>('models', { signal }, { models: 'list' });
    return models;
  }

  /**
   * Stores an image, which later calls name by the answer or its `id` instead of sending it again. The service keeps it for
   * `ttl_s` seconds after its last use.
   */
  async storeImage(image: ImageInput, options?: CallOptions): Promise<StoredImage> {
    return this.#json('images', postOf(imageBody({ image }, {}), { signal: this.#limit(options) }));
  }

  /** Masks for words, boxes or points, once the job is done. */
  async segment(call: SegmentCall, options?: JobOptions): Promise<SegmentResponse> {
    return (await this.#answer('segment', segmentBody(call), options)) as SegmentResponse;
  }

  /** Queues a segmentation; its job, for {@link followJob} and {@link resultOf}. */
  async queueSegment(call: SegmentCall, options?: JobOptions): Promise<JobResponse> {
    return this.#queue('segment', segmentBody(call), options);
  }

  /** Attribute–object pairs for images, once the job is done. */
  async classify(call: ClassifyCall, options?: JobOptions): Promise<ClassifyCompositionResponse> {
    const answer = await this.#answer('classify-composition', classifyBody(call), options);
    // Workers of earlier versions give no warnings.
    return { warnings: [], ...(answer as Partial<ClassifyCompositionResponse>) } as ClassifyCompositionResponse;
  }

  /** Queues a classification; its job, for {@link followJob} and {@link resultOf}. */
  async queueClassify(call: ClassifyCall, options?: JobOptions): Promise<JobResponse> {
    return this.#queue('classify-composition', classifyBody(call), options);
  }

  async vocabularies(options?: CallOptions): Promise<VocabularySummary[]> {
    const signal = this.#limit(options);
    const fields = { vocabularies: 'list' } as const;
    const answer = await this.#json<{ vocabularies: VocabularySummary[] }>('vocabularies', { signal }, fields);
    return answer.vocabularies;
  }

  vocabulary(name: string, options?: CallOptions): Promise<VocabularyDescription> {
    return this.#json(`vocabularies/${encodeURIComponent(name)}`, { signal: this.#limit(options) });
  }

  deleteVocabulary(name: string, options?: CallOptions): Promise<void> {
    const signal = this.#limit(options);
    return this.#send(`vocabularies/${encodeURIComponent(name)}`, { method: 'DELETE', signal }, () => undefined);
  }

  /** Queues a training on a few images; its job. */
  trainOnExamples(request: TrainVocabularyRequest, options?: CallOptions): Promise<JobResponse> {
    const signal = this.#limit(options);
    return this.#json('vocabularies', postOf({ json: request }, { signal, isRepeatable: false }));
  }

  /**
   * Uploads a training set and queues the training; its job. Rejects with what the archive throws. Browsers send an
   * archive that is made meanwhile over HTTP/2 alone; give them a `Blob`.
   */
  async trainOnArchive(options: TrainingOptions, archive: TrainingArchive, call?: CallOptions): Promise<JobResponse> {
    const { name, ...others } = options;
    const fields = { name, options: JSON.stringify(others) };
    const request = { method: 'POST', signal: this.#limit(call), isRepeatable: false } as const;
    if (archive instanceof Blob) {
      const form = new FormData();
      for (const [field, value] of Object.entries(fields)) form.append(field, value);
      form.append('archive', archive, 'archive');
      return this.#json('vocabularies', { ...request, body: form });
    }
    const failures: unknown[] = [];
    const { contentType, chunks } = formBody(fields, 'archive', withFailures(archive, failures));
    try {
      return await this.#json('vocabularies', {
        ...request,
        headers: { 'content-type': contentType },
        body: streamOf(chunks),
      });
    } catch (error) {
      // The request fails with its body, but for another reason than the service.
      throw failures.length > 0 ? failures[0] : error;
    }
  }

  /** A vocabulary as a file for {@link importVocabulary}. */
  exportVocabulary(name: string, options?: CallOptions): Promise<Uint8Array> {
    return this.#send(`vocabularies/${encodeURIComponent(name)}/file`, { signal: this.#limit(options) }, bytesOf);
  }

  importVocabulary(name: string, file: Uint8Array, options?: CallOptions): Promise<VocabularyDescription> {
    return this.#json(`vocabularies/${encodeURIComponent(name)}/file`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: file,
      signal: this.#limit(options),
    });
  }

  job(id: string, options?: CallOptions): Promise<JobResponse> {
    return this.#json(`jobs/${encodeURIComponent(id)}`, { signal: this.#limit(options) });
  }

  cancelJob(id: string, options?: CallOptions): Promise<JobResponse> {
    return this.#json(`jobs/${encodeURIComponent(id)}`, { method: 'DELETE', signal: this.#limit(options) });
  }

  /** The updates of a job until its end, also across lost connections. To stop following leaves the job running. */
  followJob(id: string, options?: CallOptions): AsyncIterable<JobUpdate> {
    return this.#follow(id, this.#limit(options));
  }

  /**
   * The result of a job, once it is there: the answer of the route that queued it.
   *
   * @throws ServiceError with the job's own error
   */
  resultOf(id: string, options?: CallOptions): Promise<unknown> {
    return this.#result(id, this.#limit(options));
  }

  /** The webhooks of this key's requests that no attempt has delivered, the latest first. */
  async failedWebhooks(options?: CallOptions): Promise<FailedWebhook[]> {
    const signal = this.#limit(options);
    const { webhooks } = await this.#json<{ webhooks: FailedWebhook[] }>('webhooks/failed', { signal });
    return webhooks;
  }

  /**
   * Has a failed webhook sent again, with all its attempts.
   *
   * @param id - as {@link failedWebhooks} gives it
   */
  redeliverWebhook(id: string, options?: CallOptions): Promise<void> {
    const request = { method: 'POST', signal: this.#limit(options) } as const;
    return this.#send(`webhooks/failed/${encodeURIComponent(id)}/redeliver`, request, () => undefined);
  }

  /** The answer of a route that queues a job: its response, or the job's result where the service does not wait. */
  async #answer(path: string, body: Body, options: JobOptions = {}): Promise<unknown> {
    const signal = this.#limit(options);
    const { onUpdate } = options;
    const { status, answer } = await (onUpdate === undefined
      ? this.#send(path, postOf(body, { headers: jobHeaders(options), signal }), answerOf)
      : this.#queueOnce(path, body, options, signal));
    if (status !== 202) return answer;
    const { id } = answer as JobResponse;
    try {
      return await this.#result(id, signal, onUpdate);
    } catch (error) {
      // Nobody waits for the job any more, nor for the answer to this.
      if (signal?.aborted === true) void this.cancelJob(id).catch(() => undefined);
      throw error;
    }
  }

  async #queue(path: string, body: Body, options: JobOptions = {}): Promise<JobResponse> {
    const { answer } = await this.#queueOnce(path, body, options, this.#limit(options));
    return answer as JobResponse;
  }

  /** Queues a job whose id comes at once. A call that is given up before that has its job cancelled, too. */
  async #queueOnce(path: string, body: Body, options: JobOptions, signal: AbortSignal | undefined): Promise<JobAnswer> {
    signal?.throwIfAborted();
    const request = new AbortController();
    const headers = { ...jobHeaders(options), ...queuedOnce() };
    const queued = this.#send(path, postOf(body, { headers, signal: request.signal }), answerOf);
    try {
      return await unlessAborted(queued, signal);
    } catch (error) {
      if (signal?.aborted === true) void this.#withdraw(queued, request);
      throw error;
    }
  }

  /** Cancels a job whose id is still on its way, unless that takes long. */
  async #withdraw(queued: Promise<JobAnswer>, request: AbortController): Promise<void> {
    const giveUp = setTimeout(() => {
      request.abort();
    }, withdrawalMs);
    try {
      const { status, answer } = await queued;
      if (status === 202) await this.cancelJob((answer as JobResponse).id, { timeoutMs: withdrawalMs });
    } catch {
      // Nobody waits for this.
    } finally {
      clearTimeout(giveUp);
    }
  }

  #follow(id: string, signal: AbortSignal | undefined): AsyncGenerator<JobUpdate> {
    const connect = async (lastEventId: string) => {
      const headers = {
        accept: 'text/event-stream',
        'last-event-id': lastEventId === '' ? undefined : lastEventId,
      };
      // Once, because a lost connection is opened again from the outside.
      const response = await this.#fetch(`jobs/${encodeURIComponent(id)}/events`, { headers, signal });
      if (response.status === 204 || response.body === null) return null;
      return chunksOf(response.body.pipeThrough(new TextDecoderStream()));
    };
    return jobUpdates(connect, { signal });
  }

  async #result(id: string, signal: AbortSignal | undefined, onUpdate?: (update: JobUpdate) => void): Promise<unknown> {
    for await (const update of this.#follow(id, signal)) {
      onUpdate?.(update);
      if (update.event === 'result') return update.data;
      if (update.event === 'error') throw new ServiceError(update.data);
    }
    throw new ConnectionError(`The events of job ${id} ended without a result.`);
  }

  /** The signal of a call, which its time limit aborts too. */
  #limit({ signal, timeoutMs = this.#timeoutMs }: CallOptions = {}): AbortSignal | undefined {
    if (timeoutMs === undefined) return signal;
    const limit = AbortSignal.timeout(timeoutMs);
    return signal === undefined ? limit : AbortSignal.any([signal, limit]);
  }

  #json<Answer>(path: string, request: RequestOptions, fields: ExpectedFields = {}): Promise<Answer> {
    return this.#send(path, request, async (response) => (await objectOf(response, fields)) as Answer);
  }

  /** Sends the request until it is answered, at most as often as is allowed, and reads the answer. */
  async #send<Answer>(
    path: string,
    request: RequestOptions,
    read: (response: Response) => Promise<Answer> | Answer,
  ): Promise<Answer> {
    const retries = request.isRepeatable === false ? 0 : this.#retries;
    for (let attempt = 0; ; attempt++) {
      try {
        return await read(await this.#fetch(path, request));
      } catch (error) {
        const waitMs = attempt < retries ? pauseMs(error, attempt) : undefined;
        if (waitMs === undefined) throw error;
        await pause(waitMs, request.signal);
      }
    }
  }

  async #fetch(path: string, { method = 'GET', headers = {}, body, signal }: RequestOptions): Promise<Response> {
    const present = Object.entries({ ...this.#headers, ...headers }).filter(
      (header): header is [string, string] => header[1] !== undefined,
    );
    const response = await fetch(new URL(path, withSlash(this.#url)), {
      method,
      headers: present,
      ...(body === undefined ? {} : { body }),
      // A body that is made while it is sent cannot be answered before its end.
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      ...(signal === undefined ? {} : { signal }),
    }).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new ConnectionError(`${this.#url.href} cannot be reached: ${reasonOf(cause)}.`, { cause });
    });
    if (!response.ok) throw await errorOf(response);
    return response;
  }
}

async function answerOf(response: Response): Promise<JobAnswer> {
  const { status } = response;
  return { status, answer: await objectOf(response, status === 202 ? { id: 'text' } : { results: 'list' }) };
}

function segmentBody({ image, query, queries, prompts, ...options }: SegmentCall): Body {
  return imageBody({ image }, { query, queries, prompts }, options);
}

/** With neither `image` nor `images`, or both, the service's answer names the mistake. */
function classifyBody({ image, images, ...options }: ClassifyCall): Body {
  if (image !== undefined && images === undefined) return imageBody({ image }, {}, options);
  return imageBody({ images: images ?? [] }, { image }, options);
}

function postOf(body: Body, request: RequestOptions = {}): RequestOptions {
  if ('form' in body) return { ...request, method: 'POST', body: body.form };
  const headers = { ...request.headers, 'content-type': 'application/json' };
  return { ...request, method: 'POST', headers, body: JSON.stringify(body.json) };
}

function jobHeaders({ priority, deadlineMs }: JobOptions): Readonly<Record<string, string | undefined>> {
  return { 'x-priority': priority, 'x-deadline-ms': deadlineMs?.toString() };
}

/** For a job whose id comes at once: sent again after a lost connection, the request gets the job of the first time. */
function queuedOnce(): Readonly<Record<string, string>> {
  // Unlike randomUUID, pages have this without HTTPS, too.
  const random = crypto.getRandomValues(new Uint8Array(16));
  const key = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { prefer: 'respond-async', 'idempotency-key': key };
}

/** The same chunks; records the error that ends them. */
async function* withFailures(archive: AsyncIterable<Uint8Array>, failures: unknown[]): AsyncGenerator<Uint8Array> {
  try {
    yield* archive;
  } catch (error) {
    failures.push(error);
    throw error;
  }
}

/** The service may be below a path. */
function withSlash(url: URL): URL {
  return url.pathname.endsWith('/') ? url : new URL(`${url.pathname}/`, url);
}

/** The error of `fetch` has no reason in its message; its cause has. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  if (cause instanceof Error) return cause.message === '' ? cause.name : cause.message;
  return error instanceof Error ? error.message : 'for an unknown reason';
}
