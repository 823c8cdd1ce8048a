import type { Multipart, MultipartFile } from '@fastify/multipart';
import { imageId } from '@tessera/blob-store';
import { TesseraError, type Config } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayApp } from '../context.js';
import { escapePointer } from '../problems/validation-fields.js';
import { tooLarge } from '../problems/too-large.js';
import { bodyLimitBytes } from '../server-options.js';
import { FormFields, type FormShape } from './form-fields.js';

/** Room in a form for its text fields and the heads of its parts, beside its files. */
const formTextBytes = 4_000_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** The file parts of a form by the ids with which its body refers to them; empty for a JSON body. */
    uploads: ReadonlyMap<string, Uint8Array>;
  }
}

/** Gives every request of `app` its {@link FastifyRequest.uploads}. */
export function expectUploads(app: GatewayApp): void {
  app.decorateRequest('uploads');
  app.addHook('onRequest', (request, _reply, done) => {
    request.uploads = new Map();
    done();
  });
}

/** A form as the equivalent JSON body. */
export interface Form {
  /** Not validated yet. */
  readonly body: Record<string, unknown>;
  readonly uploads: ReadonlyMap<string, Uint8Array>;
}

/**
 * The hook that turns a form, or an image as the body with its fields in the query string, into the equivalent JSON body,
 * which is then validated like any other.
 */
export function formAsBody(shape: FormShape, config: Config): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    if (!Buffer.isBuffer(request.body)) refuseQueryFields(request);
    if (!request.isMultipart() && !Buffer.isBuffer(request.body)) return;
    const { body, uploads } = request.isMultipart()
      ? await readForm(request, shape, bodyLimitBytes(config))
      : readRawImage(request.body as Buffer, request.query, shape);
    request.uploads = uploads;
    request.body = body;
  };
}

/**
 * Refuses fields in the query string of a form or a JSON body: there they would do nothing, unnoticed.
 *
 * @throws TesseraError `TSR_VALIDATION` with a pointer per field
 */
export function refuseQueryFields(request: FastifyRequest): void {
  const names = Object.keys(request.query as object).slice(0, 8);
  if (names.length === 0) return;
  const place = request.isMultipart() ? 'put it into the form' : 'put it into the JSON body';
  const message = `is in the query string, which is read beside an image as the body alone; ${place}`;
  throw TesseraError.invalid(names.map((name) => ({ pointer: `/${escapePointer(name.slice(0, 128))}`, message })));
}

/**
 * An image that is the body, with the fields of a form in the query string.
 *
 * @throws TesseraError `TSR_BODY_INVALID` for no bytes at all, `TSR_VALIDATION` for fields that do not fit
 */
function readRawImage(bytes: Buffer, query: unknown, shape: FormShape): Form {
  if (bytes.length === 0) throw new TesseraError('TSR_BODY_INVALID', 'The body is empty.');
  const fields = new FormFields(shape);
  const id = imageId(bytes);
  fields.addFile('image', { id });
  for (const [name, values] of Object.entries(query as Record<string, string | string[]>)) {
    for (const value of [values].flat()) fields.addText(name, value);
  }
  return { body: fields.toBody(), uploads: new Map([[id, bytes]]) };
}

/**
 * Reads `multipart/form-data` with image files; of a form that is too large no more than `maxBytes`, and nothing when its length says so.
 *
 * @throws TesseraError `TSR_VALIDATION` for parts that do not belong, `TSR_BODY_TOO_LARGE` above `maxBytes`,
 * `TSR_BODY_INVALID` for what is not multipart
 */
async function readForm(request: FastifyRequest, shape: FormShape, maxBytes: number): Promise<Form> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + formTextBytes) throw tooLarge('The form', maxBytes);
  return refuseMalformed(() => readParts(request, shape, maxBytes));
}

/** Turns the plain errors that the form's parser throws into `TSR_BODY_INVALID`. */
export async function refuseMalformed<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (TesseraError.isInstance(error) || isFrameworkError(error)) throw error;
    throw new TesseraError('TSR_BODY_INVALID', 'The body is not well-formed multipart/form-data.', { cause: error });
  }
}

function isFrameworkError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('FST_');
}

async function readParts(request: FastifyRequest, shape: FormShape, maxBytes: number): Promise<Form> {
  const fields = new FormFields(shape);
  const uploads = new Map<string, Uint8Array>();
  let sizeBytes = 0;
  // A file that ends at its limit would be read on: of one with a byte more the form is too large.
  for await (const part of request.parts({ limits: { fileSize: maxBytes + 1, files: shape.maxFiles } })) {
    if (part.type === 'field') {
      addField(fields, part);
      continue;
    }
    const bytes = await readFile(part, maxBytes, (count) => {
      sizeBytes += count;
      if (sizeBytes > maxBytes) throw tooLarge('The form', maxBytes);
      request.bodyLease.take(count);
    });
    // What a browser sends for a file that was not chosen.
    if (bytes.length === 0 && part.filename === '') continue;
    const id = imageId(bytes);
    if (fields.hasName(part.fieldname) && fields.addFile(part.fieldname, { id })) uploads.set(id, bytes);
  }
  return { body: fields.toBody(), uploads };
}

/** Adds a field of a form, unless it is too long or not a text. */
export function addField(fields: FormFields, part: Extract<Multipart, { type: 'field' }>): void {
  const { value } = part;
  const name = part.fieldname as string | undefined;
  if (!fields.hasName(name)) return;
  if (part.fieldnameTruncated || part.valueTruncated) fields.refuse(name, 'is too long for a form field');
  else if (typeof value !== 'string') fields.refuse(name, 'must be plain text');
  else fields.addText(name, value);
}

async function readFile(part: MultipartFile, maxBytes: number, count: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of part.file as AsyncIterable<Buffer>) {
    if (part.file.bytesRead > maxBytes) throw tooLarge('The file', maxBytes);
    count(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
