import type { ErrorCode, ProblemDetails } from '@tessera/contracts';

/** The service refused a request, or a job failed; says which error it was. */
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
  const text = await response.text();
  const problem = parseProblem(text);
  if (problem !== undefined) return new ServiceError(problem);
  return new ConnectionError(`${response.url} answered ${response.status}, but not as Tessera does.`);
}

function parseProblem(text: string): ProblemDetails | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProblemDetails> | null;
    return typeof value?.code === 'string' && typeof value.detail === 'string' ? (value as ProblemDetails) : undefined;
  } catch {
    return undefined;
  }
}
