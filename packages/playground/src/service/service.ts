import {
  ServiceError,
  TesseraClient,
  type ClassifyCompositionResponse,
  type JobOptions,
  type SegmentResponse,
  type StoredImage,
} from '@tessera/client';
import type { ClassifyQuestion, SegmentQuestion, SentPhoto } from './question.js';

/** Gives an API key after the service has refused a request for want of a valid one; undefined to give up. */
export type RequestKey = (wasRefused: boolean) => Promise<string | undefined>;

const keyItem = 'tessera-api-key';

/** The service that serves the page. Where it demands an API key, the person is asked for it once. */
export class Service {
  readonly #requestKey: RequestKey;
  #askingForKey: Promise<string | undefined> | undefined;

  constructor(requestKey: RequestKey) {
    this.#requestKey = requestKey;
  }

  /** Whether requests carry an API key. */
  get hasKey(): boolean {
    return sessionStorage.getItem(keyItem) !== null;
  }

  /** Keeps a photo in the service, which answers with its size. */
  store({ file }: SentPhoto, signal: AbortSignal): Promise<StoredImage> {
    return this.call((client) => client.storeImage(file, { signal }));
  }

  segment(photo: SentPhoto, question: SegmentQuestion, options: JobOptions): Promise<SegmentResponse> {
    return this.#about(photo, (client, image) => client.segment({ image, ...question }, options));
  }

  classify(photo: SentPhoto, question: ClassifyQuestion, options: JobOptions): Promise<ClassifyCompositionResponse> {
    return this.#about(photo, (client, image) => client.classify({ image, ...question }, options));
  }

  /** What `work` gets from the service; asks for an API key, and tries again, while the service wants another one. */
  async call<Answer>(work: (client: TesseraClient) => Promise<Answer>): Promise<Answer> {
    for (let wasRefused = false; ; wasRefused = true) {
      const apiKey = sessionStorage.getItem(keyItem) ?? undefined;
      try {
        return await work(new TesseraClient({ url: new URL('.', location.href), apiKey }));
      } catch (error) {
        const isRefused = error instanceof ServiceError && error.code === 'TSR_UNAUTHORIZED';
        if (!isRefused || !(await this.#renewKey(apiKey, wasRefused))) throw error;
      }
    }
  }

  /** Asks by the photo's id if it has one, and with its file when the service does not keep it any more. */
  async #about<Answer>(
    { file, id }: SentPhoto,
    work: (client: TesseraClient, image: Blob | { id: string }) => Promise<Answer>,
  ): Promise<Answer> {
    const withFile = () => this.call((client) => work(client, file));
    if (id === undefined) return withFile();
    return this.call((client) => work(client, { id })).catch((error: unknown) => {
      if (error instanceof ServiceError && error.code === 'TSR_IMAGE_NOT_FOUND') return withFile();
      throw error;
    });
  }

  /** Requests that are refused at the same time share one question for the key. */
  async #renewKey(refused: string | undefined, wasRefused: boolean): Promise<boolean> {
    if ((sessionStorage.getItem(keyItem) ?? undefined) !== refused) return true;
    this.#askingForKey ??= this.#requestKey(wasRefused || refused !== undefined).finally(() => {
      this.#askingForKey = undefined;
    });
    const key = await this.#askingForKey;
    if (key === undefined) return false;
    sessionStorage.setItem(keyItem, key);
    return true;
  }
}
