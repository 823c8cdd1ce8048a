import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { SegmentOptions, SegmentRequest, TesseraError } from '@tessera/contracts';
import type { TSchema } from 'typebox';
import { formValue, parseJson } from './form-values.js';

/** A form as the JSON body that says the same, and the bytes of its file part. */
export interface SegmentForm {
  /** Not validated yet. */
  readonly body: object;
  readonly image: Buffer | undefined;
}

/**
 * Reads `multipart/form-data` for `POST /segment`: the file part `image`, `queries` as often as there are queries,
 * `options` as a JSON object, and every other field of the JSON body by its name. The body is read to its end even
 * when a part is wrong, so that the client reads the answer instead of a broken connection.
 *
 * @throws TesseraError `TSR_VALIDATION` for parts that do not belong, `TSR_BODY_TOO_LARGE` above `maxBytes`,
 * `TSR_BODY_INVALID` for what is not multipart
 */
export async function readSegmentForm(request: FastifyRequest, maxBytes: number): Promise<SegmentForm> {
  try {
    return await readParts(request, maxBytes);
  } catch (error) {
    if (TesseraError.isInstance(error) || isFrameworkError(error)) throw error;
    // The parser's own errors are plain ones; nothing else than parsing happens here.
    throw new TesseraError('TSR_BODY_INVALID', 'The body is not well-formed multipart/form-data.', { cause: error });
  }
}

function isFrameworkError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('FST_');
}

async function readParts(request: FastifyRequest, maxBytes: number): Promise<SegmentForm> {
  const form = new FormCollector();
  let image: Buffer | undefined;
  let sizeBytes = 0;
  for await (const part of request.parts({ limits: { fileSize: maxBytes } })) {
    if (part.type === 'file') {
      const bytes = await readFile(part, (count) => {
        sizeBytes += count;
        if (sizeBytes > maxBytes) throw new TesseraError('TSR_BODY_TOO_LARGE', 'The form is too large.');
        request.bodyLease.take(count);
      });
      form.addFile(part.fieldname);
      image ??= bytes;
    } else {
      form.addField(part);
    }
  }
  return { body: form.toBody(), image };
}

async function readFile(part: MultipartFile, count: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of part.file as AsyncIterable<Buffer>) {
    count(chunk.length);
    chunks.push(chunk);
  }
  if (part.file.truncated) throw new TesseraError('TSR_BODY_TOO_LARGE', 'The file part is too large.');
  return Buffer.concat(chunks);
}

const properties: Readonly<Record<string, TSchema>> = SegmentRequest.properties;

/** Gathers the parts of a form and remembers what is wrong with them. */
class FormCollector {
  readonly #values = new Map<string, unknown>();
  readonly #problems = new Map<string, string>();
  #options: Record<string, unknown> = {};

  addFile(name: string): void {
    if (name !== 'image') this.#refuse(name, 'must not be a file; the file part is called image');
    else this.#set(name, undefined);
  }

  addField(part: Extract<Multipart, { type: 'field' }>): void {
    const { fieldname: name, value } = part;
    if (part.fieldnameTruncated || part.valueTruncated) {
      this.#refuse(name, 'is too long for a form field');
    } else if (typeof value !== 'string') {
      this.#refuse(name, 'must be plain text');
    } else if (name === 'options') {
      this.#setOptions(value);
    } else if (name === 'queries') {
      this.#values.set(name, [...((this.#values.get(name) as string[] | undefined) ?? []), value]);
    } else {
      this.#set(name, formValue(properties[name], value));
    }
  }

  /** @throws TesseraError `TSR_VALIDATION` with a pointer per part that is wrong */
  toBody(): Record<string, unknown> {
    if (this.#problems.size > 0) {
      const fields = [...this.#problems].map(([name, message]) => ({ pointer: `/${name}`, message }));
      const detail = fields.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
      throw new TesseraError('TSR_VALIDATION', `${detail}.`, { fields });
    }
    return { ...this.#options, ...Object.fromEntries(this.#values) };
  }

  #setOptions(text: string): void {
    const options = parseJson(text);
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      this.#refuse('options', 'must be a JSON object');
      return;
    }
    const foreign = Object.keys(options).filter((name) => !Object.hasOwn(SegmentOptions.properties, name));
    for (const name of foreign.slice(0, 8)) this.#refuse(`options/${name.slice(0, 128)}`, 'is not a known option');
    this.#options = { ...options };
  }

  #set(name: string, value: unknown): void {
    if (this.#values.has(name)) this.#refuse(name, 'must be given once');
    this.#values.set(name, value);
  }

  #refuse(name: string, message: string): void {
    this.#problems.set(name, message);
  }
}
