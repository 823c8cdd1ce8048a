import {
  errorTable,
  type ErrorCode,
  type ProblemDetails,
  type SerializedError,
  type TesseraError,
} from '@tessera/contracts';

/** Media type of every error response (RFC 9457). */
export const problemMediaType = 'application/problem+json';

/** The `type` of a problem: a name, not an address; docs/reference/errors.md has a section per code. */
function problemType(code: ErrorCode): string {
  return `urn:tessera:error:${code}`;
}

/** RFC 9457 problem details of an error, with the id of the request, when there is one. */
export function problemDetails(error: SerializedError, requestId?: string): ProblemDetails {
  const { status, title } = errorTable[error.code];
  return {
    type: problemType(error.code),
    title,
    status,
    detail: error.detail,
    code: error.code,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(error.fields.length === 0
      ? {}
      : { errors: error.fields.map(({ pointer, message }) => ({ pointer, message })) }),
  };
}

/** Seconds after which a client may try again, for the errors where waiting helps. */
export function retryAfterSeconds(error: TesseraError): number | undefined {
  switch (error.status) {
    case 429:
      return 2;
    case 503:
      return 5;
    default:
      return undefined;
  }
}
