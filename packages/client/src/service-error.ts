import type { ErrorCode, ProblemDetails } from '@tessera/contracts';

export interface ErrorDetails extends ErrorOptions {
  /** HTTP status of the answer, if there was one. */
  readonly status?: number | undefined;
  /** How long the answer asks to wait (`retry-after`), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * The error with which the service refused a request or a job failed. Which one it is says {@link ServiceError.code};
 * `problem` has the details.
 */
export class ServiceError extends Error {
  static readonly #brand = Symbol.for('tessera.service-error');
  override readonly name = 'ServiceError';
  readonly problem: ProblemDetails;
  readonly retryAfterMs: number | undefined;

  constructor(problem: ProblemDetails, { retryAfterMs }: ErrorDetails = {}) {
    super(problem.detail);
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
    Object.defineProperty(this, ServiceError.#brand, { value: true });
  }

  /** One of the codes of the error table; a service of a later version may have others. */
  get code(): ErrorCode {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Names the request in the service's log. */
  get requestId(): string | undefined {
    return this.problem.request_id;
  }

  /** True for a {@link ServiceError} of any copy of this package; with `code`, of this code alone. */
  static isInstance(error: unknown, code?: ErrorCode): error is ServiceError {
    if (!(error instanceof Error && ServiceError.#brand in error)) return false;
    return code === undefined || (error as unknown as ServiceError).code === code;
  }
}

/** The service could not be reached, or what answered is not Tessera. */
export class ConnectionError extends Error {
  static readonly #brand = Symbol.for('tessera.connection-error');
  override readonly name = 'ConnectionError';
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status, retryAfterMs, ...options }: ErrorDetails = {}) {
    super(message, options);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    Object.defineProperty(this, ConnectionError.#brand, { value: true });
  }

  /** True for a {@link ConnectionError} of any copy of this package. */
  static isInstance(error: unknown): error is ConnectionError {
    return error instanceof Error && ConnectionError.#brand in error;
  }
}

/** The error that a response other than a success stands for. */
export async function errorOf(response: Response): Promise<Error> {
  const problem = parseProblem(await textOf(response));
  if (problem === undefined) return unlikeTessera(response);
  return new ServiceError(problem, { retryAfterMs: retryAfterOf(response) });
}

/** Fields that an answer of Tessera has, and what they are. */
export type ExpectedFields = Readonly<Record<string, 'list' | 'text'>>;

/**
 * The JSON object of a response.
 *
 * @throws ConnectionError when it is none or lacks one of the fields, or the connection is lost before its end
 */
export async function objectOf(response: Response, fields: ExpectedFields = {}): Promise<object> {
  const value = parseObject(await textOf(response));
  const isExpected = Object.entries(fields).every(([name, kind]) =>
    kind === 'list' ? Array.isArray(value?.[name]) : typeof value?.[name] === 'string',
  );
  if (value === undefined || !isExpected) throw unlikeTessera(response);
  return value;
}

/**
 * The bytes of a response.
 *
 * @throws ConnectionError when the connection is lost before their end
 */
export async function bytesOf(response: Response): Promise<Uint8Array> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    // As `fetch` reports network failures; it passes on why it was aborted.
    if (!(cause instanceof TypeError)) throw cause;
    throw new ConnectionError(`The connection to ${response.url} was lost in the middle of an answer.`, { cause });
  }
}

async function textOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await bytesOf(response));
}

function unlikeTessera(response: Response): ConnectionError {
  const { url, status } = response;
  const details = { status, retryAfterMs: retryAfterOf(response) };
  return new ConnectionError(`${url} answered ${status}, but not as Tessera does.`, details);
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfterOf({ headers }: Response): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(text)) return 1000 * Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function parseProblem(text: string): ProblemDetails | undefined {
  const { errors, ...problem } = parseObject(text) ?? {};
  if (typeof problem.code !== 'string' || typeof problem.detail !== 'string') return undefined;
  return { ...problem, ...(areFieldErrors(errors) && { errors }) } as ProblemDetails;
}

/** Other services than Tessera have errors of other forms. */
function areFieldErrors(errors: unknown): errors is NonNullable<ProblemDetails['errors']> {
  if (!Array.isArray(errors)) return false;
  return (errors as (Record<string, unknown> | null)[]).every(
    (error) => typeof error?.pointer === 'string' && typeof error.message === 'string',
  );
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
