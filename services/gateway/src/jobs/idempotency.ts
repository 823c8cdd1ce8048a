import { createHash, randomUUID } from 'node:crypto';
import { idempotencyKey, type BlobExpiry, type BlobStore } from '@tessera/blob-store';
import { parseMatching, TesseraError, type Config } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { GatewayContext } from '../context.js';

/** What is kept of the first request with a key. */
const IdempotencyRecord = Type.Object({
  job: Type.String(),
  /** SHA-256 of what was asked. */
  request: Type.String(),
  /** SHA-256 of what came beside the fields, such as an archive, once it is read. */
  content: Type.Optional(Type.String()),
});
type IdempotencyRecord = Static<typeof IdempotencyRecord>;

/** The id for the job of a request. */
export interface ReservedJob {
  readonly id: string;
  /** Whether the request has an idempotency key: another one may then wait for the same job. */
  readonly isShared: boolean;
  /** Whether a request before it has reserved the id. Its job may not be queued yet, or never, if its gateway died. */
  readonly isKnown: boolean;
  /** Where the record of the key is; undefined without a key. */
  readonly recordKey: string | undefined;
}

type Records = Pick<GatewayContext, 'blobs' | 'config'>;

/**
 * Reserves a job id for a request. Requests with the same `idempotency-key` header get the same id, for as long as
 * results are kept, whichever gateway they reach; a key belongs to the API key and the route that it was used with.
 *
 * @param body - of the request; images that were uploaded are named in it by their hashes
 * @param idPrefix - of a new id
 * @throws TesseraError `TSR_IDEMPOTENCY_KEY_REUSED` when the key came with another body
 */
export async function reserveJob(
  request: FastifyRequest,
  body: object,
  { blobs, config }: Records,
  idPrefix = '',
): Promise<ReservedJob> {
  const id = `${idPrefix}${randomUUID()}`;
  const { 'idempotency-key': key, authorization = '' } = request.headers;
  if (key === undefined) return { id, isShared: false, isKnown: false, recordKey: undefined };
  const recordKey = idempotencyKey(digest([authorization, request.routeOptions.url, key]));
  const record: IdempotencyRecord = { job: id, request: digest(body) };
  for (;;) {
    if (await blobs.putNew(recordKey, Buffer.from(JSON.stringify(record)), expiryOf(config))) {
      return { id, isShared: true, isKnown: false, recordKey };
    }
    const first = await readRecord(recordKey, blobs);
    // It has expired since.
    if (first === null) continue;
    if (first.request !== record.request) throw reused();
    return { id: first.job, isShared: true, isKnown: true, recordKey };
  }
}

/**
 * Adds to the record of a request's key what came beside its fields.
 *
 * @param content - SHA-256; undefined when there was nothing
 */
export async function noteContent(
  { recordKey }: ReservedJob,
  content: string | undefined,
  { blobs, config }: Records,
): Promise<void> {
  if (recordKey === undefined || content === undefined) return;
  const record = await readRecord(recordKey, blobs);
  // It expires before its job does when a request takes very long to arrive.
  if (record === null) return;
  await blobs.put(recordKey, Buffer.from(JSON.stringify({ ...record, content })), expiryOf(config));
}

/**
 * Compares what came beside the fields of a request with what came with the first one of its key.
 *
 * @param content - SHA-256; undefined when there was nothing
 * @throws TesseraError `TSR_IDEMPOTENCY_KEY_REUSED` when they differ
 */
export async function requireSameContent(
  { recordKey }: ReservedJob,
  content: string | undefined,
  { blobs }: Records,
): Promise<void> {
  const record = recordKey === undefined ? null : await readRecord(recordKey, blobs);
  if (record !== null && record.content !== content) throw reused();
}

async function readRecord(recordKey: string, blobs: BlobStore): Promise<IdempotencyRecord | null> {
  const stored = await blobs.get(recordKey);
  return stored === null ? null : parseMatching(IdempotencyRecord, stored, 'The record of the idempotency key');
}

function expiryOf(config: Config): BlobExpiry {
  return { ttlMs: config.TESSERA_RESULT_TTL_S * 1000 };
}

function reused(): TesseraError {
  return new TesseraError('TSR_IDEMPOTENCY_KEY_REUSED', 'A request with this key asked for something else.');
}

function digest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value, sorted)).digest('hex');
}

/** Objects with their fields in one order, whatever order they were sent in. */
function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
