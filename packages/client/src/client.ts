import { ReadableStream } from 'node:stream/web';
import {
  vocabularyMediaType,
  type ClassifyCompositionRequest,
  type ClassifyCompositionResponse,
  type JobResponse,
  type ModelDescription,
  type SegmentRequest,
  type SegmentResponse,
  type TrainingOptions,
  type TrainVocabularyRequest,
  type VocabularyDescription,
  type VocabularySummary,
} from '@tessera/contracts';
import { formBody } from './form-body.js';
import { jobUpdates, type JobUpdate } from './job-updates.js';
import { bytesOf, ConnectionError, errorOf, jsonOf, ServiceError } from './service-error.js';

export interface ClientOptions {
  /** Where the service listens. */
  readonly url: string | URL;
  /** One of the service's `API_KEYS`, when it has any. */
  readonly apiKey?: string | undefined;
}

/** As the body of `POST /segment`; the image may be the bytes of a file or a URL as well. */
export interface SegmentCall extends Omit<SegmentRequest, 'image'> {
  readonly image: SegmentRequest['image'] | Uint8Array | URL;
}

/** A training set as the bytes of a tar or tar.gz archive. */
export type TrainingArchive = AsyncIterable<Uint8Array>;

interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Talks to a Tessera service. Every method rejects with a {@link ServiceError} when the service refuses, and with a
 * `ConnectionError` when it cannot be reached.
 */
export class TesseraClient {
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, apiKey }: ClientOptions) {
    this.#url = new URL(url);
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  }

  async models(signal?: AbortSignal): Promise<ModelDescription[]> {
    const { models } = await this.#json<{ models: ModelDescription[] }>('models', { signal });
    return models;
  }

  /** Masks for words, boxes or points; waits for the job without a limit. */
  async segment({ image, ...question }: SegmentCall, signal?: AbortSignal): Promise<SegmentResponse> {
    return (await this.#answer('segment', { ...question, image: imageSource(image) }, signal)) as SegmentResponse;
  }

  /** Classifies images; waits for the job without a limit. */
  async classify(request: ClassifyCompositionRequest, signal?: AbortSignal): Promise<ClassifyCompositionResponse> {
    return (await this.#answer('classify-composition', request, signal)) as ClassifyCompositionResponse;
  }

  async vocabularies(signal?: AbortSignal): Promise<VocabularySummary[]> {
    const { vocabularies } = await this.#json<{ vocabularies: VocabularySummary[] }>('vocabularies', { signal });
    return vocabularies;
  }

  vocabulary(name: string, signal?: AbortSignal): Promise<VocabularyDescription> {
    return this.#json(`vocabularies/${encodeURIComponent(name)}`, { signal });
  }

  async deleteVocabulary(name: string, signal?: AbortSignal): Promise<void> {
    await this.#request(`vocabularies/${encodeURIComponent(name)}`, { method: 'DELETE', signal });
  }

  /** Queues a training on a few images; its job. */
  trainOnExamples(request: TrainVocabularyRequest, signal?: AbortSignal): Promise<JobResponse> {
    return this.#json('vocabularies', { ...jsonBody(request), signal });
  }

  /**
   * Uploads a training set, which may be made while it is sent, and queues the training; its job. Rejects with what the
   * archive throws.
   */
  async trainOnArchive(options: TrainingOptions, archive: TrainingArchive, signal?: AbortSignal): Promise<JobResponse> {
    const { name, ...others } = options;
    const failures: unknown[] = [];
    const watched = withFailures(archive, failures);
    const { contentType, chunks } = formBody({ name, options: JSON.stringify(others) }, 'archive', watched);
    try {
      return await this.#json('vocabularies', {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: ReadableStream.from(chunks),
        signal,
      });
    } catch (error) {
      // The request fails with its body, but for another reason than the service.
      throw failures.length > 0 ? failures[0] : error;
    }
  }

  /** A vocabulary as a file for {@link importVocabulary}. */
  async exportVocabulary(name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.#request(`vocabularies/${encodeURIComponent(name)}/file`, { signal });
    return bytesOf(response);
  }

  importVocabulary(name: string, file: Uint8Array, signal?: AbortSignal): Promise<VocabularyDescription> {
    return this.#json(`vocabularies/${encodeURIComponent(name)}/file`, {
      method: 'PUT',
      headers: { 'content-type': vocabularyMediaType },
      body: file,
      signal,
    });
  }

  job(id: string, signal?: AbortSignal): Promise<JobResponse> {
    return this.#json(`jobs/${encodeURIComponent(id)}`, { signal });
  }

  cancelJob(id: string, signal?: AbortSignal): Promise<JobResponse> {
    return this.#json(`jobs/${encodeURIComponent(id)}`, { method: 'DELETE', signal });
  }

  /** The updates of a job until its end, also across lost connections. */
  followJob(id: string, signal?: AbortSignal): AsyncIterable<JobUpdate> {
    const connect = async (lastEventId: string) => {
      const headers = { accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }) };
      const response = await this.#request(`jobs/${encodeURIComponent(id)}/events`, { headers, signal });
      if (response.status === 204 || response.body === null) return null;
      return response.body.pipeThrough(new TextDecoderStream());
    };
    return jobUpdates(connect, { signal });
  }

  /**
   * The result of a job, once it is there.
   *
   * @throws ServiceError with the job's own error
   */
  async resultOf(id: string, signal?: AbortSignal): Promise<unknown> {
    for await (const update of this.followJob(id, signal)) {
      if (update.event === 'result') return update.data;
      if (update.event === 'error') throw new ServiceError(update.data);
    }
    throw new ConnectionError(`The events of job ${id} ended without a result.`);
  }

  /** The answer of a route that queues a job: its response, or the job's result where the service does not wait. */
  async #answer(path: string, request: object, signal: AbortSignal | undefined): Promise<unknown> {
    const response = await this.#request(path, { ...jsonBody(request), signal });
    const answer = await jsonOf(response);
    return response.status === 202 ? await this.resultOf((answer as JobResponse).id, signal) : answer;
  }

  async #json<Body>(path: string, options: RequestOptions): Promise<Body> {
    return (await jsonOf(await this.#request(path, options))) as Body;
  }

  async #request(path: string, { method = 'GET', headers = {}, body, signal }: RequestOptions): Promise<Response> {
    const response = await fetch(new URL(path, withSlash(this.#url)), {
      method,
      headers: { ...this.#headers, ...headers },
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

/** The `image` of an answer, which has its size beside its id, can be sent again as it is. */
function imageSource(image: SegmentCall['image']): SegmentRequest['image'] {
  if (typeof image === 'string') return image;
  if (image instanceof URL) return image.href;
  if (!(image instanceof Uint8Array)) return { id: image.id };
  return Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('base64');
}

function jsonBody(body: object): RequestOptions {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** The same chunks; records the error that ends them. */
async function* withFailures(archive: TrainingArchive, failures: unknown[]): AsyncGenerator<Uint8Array> {
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
