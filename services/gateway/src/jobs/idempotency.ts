import { createHash, randomUUID } from 'node:crypto';
import { idempotencyKey } from '@tessera/blob-store';
import { parseMatching, TesseraError } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { GatewayContext } from '../context.js';

/** What is kept of the first request with a key. */
const IdempotencyRecord = Type.Object({
  job: Type.String(),
  /** SHA-256 of what was asked. */
  request: Type.String(),
});
type IdempotencyRecord = Static<typeof IdempotencyRecord>;

/** The id for the job of a request. */
export interface ReservedJob {
  readonly id: string;
  /** Whether the request has an idempotency key: another one may then wait for the same job. */
  readonly isShared: boolean;
  /** Whether a request before it has reserved the id. Its job may not be queued yet, or never, if its gateway died. */
  readonly isKnown: boolean;
}

/**
 * Reserves a job id for a request. Requests with the same `idempotency-key` header get the same id, for as long as
 * results are kept, whichever gateway they reach; a key belongs to the API key and the route that it was used with.
 *
 * @param body - of the request; images that were uploaded are named in it by their hashes
 * @throws TesseraError `TSR_IDEMPOTENCY_KEY_REUSED` when the key came with another body
 */
export async function reserveJob(
  request: FastifyRequest,
  body: object,
  { blobs, config }: Pick<GatewayContext, 'blobs' | 'config'>,
): Promise<ReservedJob> {
  const id = randomUUID();
  const { 'idempotency-key': key, authorization = '' } = request.headers;
  if (key === undefined) return { id, isShared: false, isKnown: false };
  const blob = idempotencyKey(digest([authorization, request.routeOptions.url, key]));
  const record: IdempotencyRecord = { job: id, request: digest(body) };
  const expiry = { ttlMs: config.TESSERA_RESULT_TTL_S * 1000 };
  for (;;) {
    if (await blobs.putNew(blob, Buffer.from(JSON.stringify(record)), expiry)) {
      return { id, isShared: true, isKnown: false };
    }
    const stored = await blobs.get(blob);
    // It has expired since.
    if (stored === null) continue;
    const first = parseMatching(IdempotencyRecord, stored, 'The record of the idempotency key');
    if (first.request !== record.request) {
      throw new TesseraError('TSR_IDEMPOTENCY_KEY_REUSED', 'A request with this key asked for something else.');
    }
    return { id: first.job, isShared: true, isKnown: true };
  }
}

function digest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value, sorted)).digest('hex');
}

/** Objects with their fields in one order, whatever order they were sent in. */
function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
