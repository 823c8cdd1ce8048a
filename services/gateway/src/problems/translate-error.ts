import { TesseraError, type ErrorCode } from '@tessera/contracts';
import { tooLarge } from './too-large.js';
import { fieldErrors, type SchemaFinding } from './validation-fields.js';

/** The framework's own errors that a client can cause, with the error that the client gets. */
const frameworkErrors: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_BAD_URL: ['TSR_VALIDATION', 'The path is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: ['TSR_ROUTE_NOT_FOUND', 'A segment of the path is too long.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['TSR_BODY_TOO_LARGE', 'The body is larger than this service accepts.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['TSR_BODY_INVALID', 'The body does not have the length its header announces.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['TSR_BODY_INVALID', 'The body is empty.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['TSR_BODY_INVALID', 'The body is not valid JSON.'],
  FST_REQ_FILE_TOO_LARGE: ['TSR_BODY_TOO_LARGE', 'The file part is larger than this service accepts.'],
  FST_FILES_LIMIT: ['TSR_BODY_INVALID', 'The form has too many files.'],
  FST_FIELDS_LIMIT: ['TSR_BODY_INVALID', 'The form has too many fields.'],
  FST_PARTS_LIMIT: ['TSR_BODY_INVALID', 'The form has too many parts.'],
  FST_PROTO_VIOLATION: ['TSR_BODY_INVALID', 'The form has a field whose name is reserved.'],
  FST_INVALID_JSON_FIELD_ERROR: ['TSR_BODY_INVALID', 'A form field is not the JSON that its content-type announces.'],
  FST_MP_PREMATURE_CLOSE: ['TSR_BODY_INVALID', 'The form ended early.'],
};

/**
 * Any error that a route, a hook or the framework threw, as the error that the client gets.
 *
 * @param bodyLimitBytes - of the route
 * @param bodyTypes - content types that the route takes, in words
 */
export function translateError(error: unknown, bodyLimitBytes?: number, bodyTypes?: string): TesseraError {
  if (TesseraError.isInstance(error) || !(error instanceof Error)) return TesseraError.from(error);
  const { validation, validationContext, code, statusCode } = error as FrameworkError;
  if (validation !== undefined) return validationError(validation, validationContext, error);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE' && bodyLimitBytes !== undefined)
    return tooLarge('The body', bodyLimitBytes);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return wrongType(bodyTypes);
  const known = code === undefined ? undefined : frameworkErrors[code];
  if (known !== undefined) return new TesseraError(known[0], known[1], { cause: error });
  if (statusCode === 416) return new TesseraError('TSR_RANGE_NOT_SATISFIABLE', 'The file ends before this range.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new TesseraError('TSR_BODY_INVALID', 'The request could not be read to its end.', { cause: error });
  }
  return TesseraError.from(error);
}

/** @param bodyTypes - that the route takes, in words; none where it takes no body */
export function wrongType(bodyTypes: string | undefined): TesseraError {
  const advice = bodyTypes === undefined ? 'This route takes no body.' : `The content-type must be ${bodyTypes}.`;
  return new TesseraError('TSR_MEDIA_TYPE_UNSUPPORTED', advice);
}

interface FrameworkError extends Error {
  readonly code?: string;
  readonly statusCode?: number;
  readonly validation?: readonly SchemaFinding[];
  readonly validationContext?: string;
}

function validationError(findings: readonly SchemaFinding[], context: string | undefined, cause: Error): TesseraError {
  const fields = fieldErrors(findings);
  if (context === 'body') return TesseraError.invalid(fields, cause);
  // Pointers lead into the body; a header is named in the text instead.
  const where = fields.map(({ pointer, message }) => `${context ?? ''} ${pointer.slice(1)} ${message}`.trim());
  return new TesseraError('TSR_VALIDATION', `Invalid ${where.join('; ')}.`, { cause });
}
