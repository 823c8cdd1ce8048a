import type { ErrorCode, ProblemDetails } from '@tessera/contracts';

/** The error with which the service refused a request or a job failed. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly problem: ProblemDetails;

  constructor(problem: ProblemDetails) {
    super(problem.detail);
    this.problem = problem;
  }

  get code(): ErrorCode {
    return this.problem.code;
  }
}

/** The service could not be reached, or what answered is not Tessera. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** The error that a response other than a success stands for. */
export async function errorOf(response: Response): Promise<Error> {
  const problem = parseProblem(await textOf(response));
  return problem === undefined ? unlikeTessera(response) : new ServiceError(problem);
}

/**
 * The JSON of a response.
 *
 * @throws ConnectionError when it is none, or the connection is lost before its end
 */
export async function jsonOf(response: Response): Promise<unknown> {
  const text = await textOf(response);
  try {
    return JSON.parse(text);
  } catch {
    throw unlikeTessera(response);
  }
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

function unlikeTessera({ url, status }: Response): ConnectionError {
  return new ConnectionError(`${url} answered ${status}, but not as Tessera does.`);
}

function parseProblem(text: string): ProblemDetails | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProblemDetails> | null;
    return typeof value?.code === 'string' && typeof value.detail === 'string' ? (value as ProblemDetails) : undefined;
  } catch {
    return undefined;
  }
}
