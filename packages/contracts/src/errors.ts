import Type from 'typebox';

/** One row of the error table: everything a client or an operator may rely on. */
export interface ErrorDefinition {
  /** HTTP status the gateway answers with. */
  readonly status: number;
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** Short summary, the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** What the caller can do about it; printed in the error reference. */
  readonly remedy: string;
}

/** Every error that leaves the service. The gateway, the worker and the error reference all read this table. */
export const errorTable = {
  TSR_VALIDATION: {
    status: 400,
    retryable: false,
    title: 'The request does not match the contract',
    remedy: 'Correct the fields named in `errors`; the schema is at /docs.',
  },
  TSR_BODY_INVALID: {
    status: 400,
    retryable: false,
    title: 'The request body could not be parsed',
    remedy: 'Send well-formed JSON or multipart/form-data with a matching content-type.',
  },
  TSR_UNAUTHORIZED: {
    status: 401,
    retryable: false,
    title: 'A valid API key is required',
    remedy: 'Send `Authorization: Bearer <key>` with one of the configured API keys.',
  },
  TSR_ROUTE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such route',
    remedy: 'The routes are listed at /docs.',
  },
  TSR_METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    title: 'The route does not support this method',
    remedy: 'Use one of the methods in the `allow` header.',
  },
  TSR_NOT_ACCEPTABLE: {
    status: 406,
    retryable: false,
    title: 'The answer cannot have the form that the accept header asks for',
    remedy: 'Accept application/json; a picture is a PNG or a JPEG, for a request that waits for its result.',
  },
  TSR_REQUEST_TIMEOUT: {
    status: 408,
    retryable: true,
    title: 'The request did not arrive in time',
    remedy: 'Send the whole request without long pauses.',
  },
  TSR_RANGE_NOT_SATISFIABLE: {
    status: 416,
    retryable: false,
    title: 'The file has nothing in this range',
    remedy: 'The header `content-range` of the answer has the size of the file.',
  },
  TSR_EXPECTATION_FAILED: {
    status: 417,
    retryable: false,
    title: 'The service does not meet the expectation of the request',
    remedy: 'Send no `expect` header, or `100-continue`.',
  },
  TSR_HEADERS_TOO_LARGE: {
    status: 431,
    retryable: false,
    title: 'The request headers are too large',
    remedy: 'Send fewer or shorter headers.',
  },
  TSR_JOB_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such job',
    remedy: 'Check the id; finished jobs are kept for a limited time.',
  },
  TSR_IMAGE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no stored image with this id',
    remedy: 'Send the image again; stored images expire.',
  },
  TSR_MODEL_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such model',
    remedy: 'The served models are listed at /models.',
  },
  TSR_VOCABULARY_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such vocabulary',
    remedy:
      'The trained vocabularies are listed at /vocabularies; an inline one is an object with attributes and objects.',
  },
  TSR_VOCABULARY_CONFLICT: {
    status: 409,
    retryable: false,
    title: 'The name of the vocabulary is taken',
    remedy: 'Choose another name, set `replace`, delete the vocabulary, or wait for or cancel the job that trains it.',
  },
  TSR_VOCABULARY_MISMATCH: {
    status: 422,
    retryable: false,
    title: 'The vocabulary was trained for another model',
    remedy: 'Use the model that it was trained for, or train it again.',
  },
  TSR_VOCABULARY_INVALID: {
    status: 422,
    retryable: false,
    title: 'The file is not a valid vocabulary',
    remedy: 'Send a file as `GET /vocabularies/{name}/file` gives it.',
  },
  TSR_ARCHIVE_INVALID: {
    status: 422,
    retryable: false,
    title: 'The archive is not a readable training set',
    remedy: 'Send a tar or tar.gz with metadata.json and images/, without links and within the limits.',
  },
  TSR_TRAINING_SET_INVALID: {
    status: 422,
    retryable: false,
    title: 'The examples cannot be trained on',
    remedy: 'Correct the examples that the detail names.',
  },
  TSR_IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    retryable: false,
    title: 'The idempotency key was used for another request',
    remedy: 'Use a new key for a new request, and repeat a request with its own key unchanged.',
  },
  TSR_FOREIGN_PAGE: {
    status: 403,
    retryable: false,
    title: 'The request may come from a page of another site',
    remedy: 'Use the address that the service printed, or allow the page’s origin or the host name.',
  },
  TSR_IMAGE_SOURCE_INVALID: {
    status: 400,
    retryable: false,
    title: 'The image field is not a data URL, base64, an https URL or a stored image id',
    remedy: 'Send one of the four forms, as a text or as `{"url": …}` or `{"id": …}`.',
  },
  TSR_IMAGE_URL_FORBIDDEN: {
    status: 403,
    retryable: false,
    title: 'The image URL points to an address that may not be fetched',
    remedy: 'Use an https URL with a public address, or send the bytes.',
  },
  TSR_IMAGE_FETCH_FAILED: {
    status: 422,
    retryable: true,
    title: 'The image URL could not be fetched',
    remedy: 'Check that the URL answers 200 with an image within the time and size limits.',
  },
  TSR_IMAGE_FORMAT_UNSUPPORTED: {
    status: 415,
    retryable: false,
    title: 'The image format is not supported',
    remedy:
      'Send a still JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP; TIFF samples are unsigned integers of up to 16 bits.',
  },
  TSR_IMAGE_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The image has too many pixels',
    remedy: 'Scale the image down to the megapixel limit.',
  },
  TSR_IMAGE_CORRUPT: {
    status: 422,
    retryable: false,
    title: 'The image is damaged or truncated',
    remedy: 'Send the whole, undamaged file.',
  },
  TSR_IMAGE_TIMEOUT: {
    status: 422,
    retryable: true,
    title: 'The image was not decoded in time',
    remedy: 'Send it again when the service is less busy; if that does not help, save the image anew.',
  },
  TSR_BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The request body is too large',
    remedy: 'Send a smaller image, or its URL.',
  },
  TSR_MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    retryable: false,
    title: 'The content type is not supported',
    remedy:
      'Send application/json or multipart/form-data; to a route that takes images also the image itself, as image/….',
  },
  TSR_OPTION_UNSUPPORTED: {
    status: 422,
    retryable: false,
    title: 'The chosen model does not support this option',
    remedy: 'Leave the option out or choose another model from /models.',
  },
  TSR_WEBHOOK_URL_FORBIDDEN: {
    status: 403,
    retryable: false,
    title: 'The webhook URL points to an address that may not be called',
    remedy:
      'Use an https URL with a public address. The operator allows others with `TESSERA_ALLOW_PRIVATE_WEBHOOKS=true`.',
  },
  TSR_WEBHOOK_SECRET_MISSING: {
    status: 422,
    retryable: false,
    title: 'There is no secret to sign the webhook with',
    remedy:
      'The operator makes one for the API key with `tessera keys webhook-secret`, or for all with `TESSERA_WEBHOOK_SECRETS`.',
  },
  TSR_WEBHOOK_FAILED: {
    status: 502,
    retryable: true,
    title: 'The receiver of the webhook did not accept it',
    remedy: 'Answer the webhook with a status from 200 to 299 within `TESSERA_WEBHOOK_TIMEOUT_S`.',
  },
  TSR_WEBHOOK_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such failed webhook',
    remedy: 'The webhooks that could not be delivered are listed at /webhooks/failed.',
  },
  TSR_QUEUE_FULL: {
    status: 429,
    retryable: true,
    title: 'The queue is full',
    remedy: 'Retry after the time in the `retry-after` header.',
  },
  TSR_RATE_LIMITED: {
    status: 429,
    retryable: true,
    title: 'Too many requests in a minute',
    remedy: 'Retry after the time in the `retry-after` header; `ratelimit` has what is left of the limit.',
  },
  TSR_JOB_CANCELLED: {
    status: 409,
    retryable: false,
    title: 'The job was cancelled',
    remedy: 'Send the request again if the result is still wanted.',
  },
  TSR_JOB_EXPIRED: {
    status: 504,
    retryable: true,
    title: 'The job could not start before its deadline',
    remedy: 'Allow more time with `x-deadline-ms`, or retry when the service is less busy.',
  },
  TSR_QUEUE_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'The job queue cannot be reached',
    remedy: 'Retry after the time in the `retry-after` header.',
  },
  TSR_OVERLOADED: {
    status: 503,
    retryable: true,
    title: 'The service is overloaded',
    remedy: 'Retry after the time in the `retry-after` header.',
  },
  TSR_NOT_READY: {
    status: 503,
    retryable: true,
    title: 'The service is not ready',
    remedy: 'Wait for /readyz to answer 200.',
  },
  TSR_INFERENCE_FAILED: {
    status: 500,
    retryable: true,
    title: 'The model run failed',
    remedy: 'Retry; if it fails again, report the request id.',
  },
  TSR_RUN_INVALID: {
    status: 500,
    retryable: false,
    title: 'The model and the code that runs it do not fit together',
    remedy: 'Report the request id; build the model bundle again with the worker’s version (`npm run models`).',
  },
  TSR_VERSION_MISMATCH: {
    status: 500,
    retryable: false,
    title: 'The parts of the service are of different versions',
    remedy: 'Bring all gateways and workers to the same version, workers first, and send the request again.',
  },
  TSR_INTERNAL: {
    status: 500,
    retryable: true,
    title: 'Unexpected error',
    remedy: 'Retry; if it fails again, report the request id.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errorTable;

/** One validation finding: where (RFC 6901 JSON pointer into the request body) and what. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

export interface TesseraErrorOptions {
  readonly cause?: unknown;
  readonly fields?: readonly FieldError[];
}

/** The one error type that crosses package, process and job boundaries. `message` is shown to clients. */
export class TesseraError extends Error {
  static readonly #brand = Symbol.for('tessera.error');
  readonly code: ErrorCode;
  readonly fields: readonly FieldError[];

  /**
   * @param code - row of {@link errorTable}
   * @param detail - what went wrong this time, safe to show to the client (RFC 9457 `detail`)
   */
  constructor(code: ErrorCode, detail: string, options: TesseraErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TesseraError';
    this.code = code;
    this.fields = options.fields ?? [];
    Object.defineProperty(this, TesseraError.#brand, { value: true });
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** True for a {@link TesseraError} of any copy of this package. */
  static isInstance(error: unknown): error is TesseraError {
    return error instanceof Error && TesseraError.#brand in error;
  }

  /** The error itself when it is a {@link TesseraError}, otherwise `TSR_INTERNAL` that hides the cause's text from clients. */
  static from(error: unknown): TesseraError {
    if (TesseraError.isInstance(error)) return error;
    return new TesseraError('TSR_INTERNAL', 'An unexpected error occurred.', { cause: error });
  }

  /** `TSR_VALIDATION` whose text has the pointer and the message of every field. */
  static invalid(fields: readonly FieldError[], cause?: unknown): TesseraError {
    const findings = fields.map(({ pointer, message }) => `${pointer === '' ? 'The body' : pointer} ${message}`);
    return new TesseraError('TSR_VALIDATION', `${findings.join('; ')}.`, { cause, fields });
  }

  toJSON(): SerializedError {
    return { code: this.code, detail: this.message, fields: this.fields };
  }

  static fromJSON(serialized: SerializedError): TesseraError {
    return new TesseraError(serialized.code, serialized.detail, { fields: serialized.fields });
  }
}

/**
 * Whether another attempt at the same work may succeed. A mistake in the code fails every time, and an expired job is
 * worth another request, but its deadline has passed for another attempt.
 */
export function mayRecover(error: unknown): boolean {
  if (TesseraError.isInstance(error)) return error.retryable && error.code !== 'TSR_JOB_EXPIRED';
  return ![TypeError, RangeError, ReferenceError, SyntaxError].some((mistake) => error instanceof mistake);
}

/** The code of a row of {@link errorTable}. */
export const ErrorCodes = Type.Enum(Object.keys(errorTable) as ErrorCode[]);

/** A {@link TesseraError} as stored with a failed job. */
export const SerializedError = Type.Object({
  code: ErrorCodes,
  detail: Type.String(),
  fields: Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() })),
});
export interface SerializedError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly fields: readonly FieldError[];
}
