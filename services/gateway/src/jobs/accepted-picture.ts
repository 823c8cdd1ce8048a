import { TesseraError, type PictureFormat } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { parsePrefer } from './prefer-header.js';

/** A weight that is no number from 0 to 1; RFC 9110 section 12.4.2. */
const malformedWeight = /;\s*q\s*=(?!\s*(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:[,;]|$))[^,;]*/g;

/** What a route with a picture can answer, the preferred one first. */
const answerTypes = ['application/json', 'image/png', 'image/jpeg'];

/**
 * The picture that a request asks for instead of JSON, by its `accept` header (RFC 9110 section 12.5.1); undefined for
 * JSON, which a request gets that does not ask for any image. A malformed weight counts as none.
 *
 * @throws TesseraError `TSR_NOT_ACCEPTABLE` for other images alone, and for a picture without waiting for it
 */
export function acceptedPicture({ headers }: FastifyRequest): PictureFormat | undefined {
  const accept = headers.accept?.toLowerCase();
  if (!accept?.includes('image/')) return undefined;
  const negotiator = new Negotiator({ headers: { accept: accept.replaceAll(malformedWeight, '') } });
  const type = negotiator.mediaType(answerTypes);
  if (type === undefined) {
    throw new TesseraError('TSR_NOT_ACCEPTABLE', 'The pictures of this service are image/png and image/jpeg.');
  }
  if (type === 'application/json') return undefined;
  if (parsePrefer(headers.prefer).respondAsync) {
    const instead = 'set output.overlay instead; the picture is in the result of the job';
    throw new TesseraError('TSR_NOT_ACCEPTABLE', `A request that does not wait has no picture yet: ${instead}.`);
  }
  return type === 'image/png' ? 'png' : 'jpeg';
}
