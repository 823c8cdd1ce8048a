import { InferenceProblem, type ErrorCode } from '@tessera/contracts';
import { problemResponsesAs } from '../openapi/responses.js';

/** Response schemas for the errors of a route, as `problemResponses` makes them. */
export function protocolProblems(...codes: readonly ErrorCode[]): Record<number, object> {
  return problemResponsesAs(InferenceProblem, codes);
}
