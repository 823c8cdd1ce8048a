import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { TesseraError } from '@tessera/contracts';
import { linger } from '../plugins/lingering-close.js';
import { problemDetails, problemMediaType } from './problem-details.js';

/**
 * Answers what Node refuses before it has become a request: malformed HTTP, oversized headers, a request that never ends.
 *
 * @param headers - of every such answer
 */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
  headers: Readonly<Record<string, string>>,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const problem = toTesseraError(error.code);
  const body = JSON.stringify(problemDetails(problem.toJSON(), requestId));
  socket.write(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
      `content-type: ${problemMediaType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${requestId}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  linger(socket);
}

function toTesseraError(code: string | undefined): TesseraError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TesseraError('TSR_REQUEST_TIMEOUT', 'The request did not arrive completely in time.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new TesseraError('TSR_HEADERS_TOO_LARGE', 'The headers are larger than this service accepts.');
  }
  return new TesseraError('TSR_VALIDATION', 'The request is not well-formed HTTP.');
}
