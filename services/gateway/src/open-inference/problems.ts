import { InferenceProblem, type ErrorCode } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { problemResponsesAs } from '../openapi/responses.js';
import { sendProblem } from '../plugins/problems.js';

/** Gives the errors of the routes of `app` the `error` that the protocol asks for, beside their problem details. */
export function answerErrorsInProtocol(app: GatewayApp): void {
  app.setErrorHandler((error, request, reply) =>
    sendProblem(error, request, reply, ({ code, message }) => ({ error: `${code}: ${message}` })),
  );
}

/** Response schemas for the errors of a route, as `problemResponses` makes them. */
export function protocolProblems(...codes: readonly ErrorCode[]): Record<number, object> {
  return problemResponsesAs(InferenceProblem, codes);
}
