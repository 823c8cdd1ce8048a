import { isUtf8 } from 'node:buffer';
import { TesseraError } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayApp } from '../context.js';
import { bodyBounds, requireBoundedJson } from '../intake/bounded-json.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The contents of each input tensor: bytes that came after the JSON, or what the JSON has as `data`. */
    tensorData: readonly unknown[];
  }
}

/** Bytes of the body that are the JSON; what follows are tensors. */
export const jsonLengthHeader = 'inference-header-content-length';

/** The pixels of an image may come as numbers. */
const inferenceBounds = { ...bodyBounds, values: Infinity };

/** Tensors whose contents are looked at; the schema refuses requests with more. */
const mostTensors = 16;

/**
 * Accepts bodies of the Open Inference Protocol on the routes of `app`: JSON, with the bytes of tensors after it where the
 * request has an `inference-header-content-length`. The contents of tensors become `tensorData`, so that the body which is
 * validated is small.
 */
export function acceptInferenceBodies(app: GatewayApp): void {
  app.removeAllContentTypeParsers();
  app.decorateRequest('tensorData');
  const parseJson = app.getDefaultJsonParser('error', 'error');
  const parse = (request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void) => {
    const length = jsonLength(request, body);
    const json = body.subarray(0, length);
    if (length > body.length || !isUtf8(json)) {
      const reason = length > body.length ? `is shorter than its ${jsonLengthHeader}` : 'has JSON that is not UTF-8';
      done(new TesseraError('TSR_BODY_INVALID', `The body ${reason}.`));
      return;
    }
    requireBoundedJson(json, inferenceBounds);
    void parseJson(request, json.toString('utf8'), (error, parsed) => {
      if (error !== null) {
        done(error);
        return;
      }
      try {
        request.tensorData = takeTensorData(parsed, body.subarray(length));
        done(null, parsed);
      } catch (failure) {
        done(failure as Error);
      }
    });
  };
  app.addContentTypeParser(['application/json', 'application/octet-stream'], { parseAs: 'buffer' }, parse);
  // Clients of the protocol may name no type.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (request.headers['content-type'] === undefined) parse(request, body, done);
    else
      done(
        new TesseraError(
          'TSR_MEDIA_TYPE_UNSUPPORTED',
          'The content-type must be application/json, or application/octet-stream with tensors after the JSON.',
        ),
      );
  });
}

function jsonLength({ headers }: FastifyRequest, body: Buffer): number {
  const given = headers[jsonLengthHeader];
  if (given === undefined) return body.length;
  if (typeof given === 'string' && /^\d{1,9}$/.test(given)) return Number(given);
  throw new TesseraError('TSR_BODY_INVALID', `The ${jsonLengthHeader} is not a number of bytes.`);
}

/**
 * Takes the contents of tensors out of a body, one entry per input.
 *
 * @throws TesseraError `TSR_BODY_INVALID` when the bytes after the JSON are not those of the tensors
 */
function takeTensorData(body: unknown, bytes: Buffer): unknown[] {
  const inputs: unknown = isObject(body) ? body.inputs : undefined;
  let offset = 0;
  const contents = (Array.isArray(inputs) ? inputs.slice(0, mostTensors) : []).map((input: unknown, index) => {
    if (!isObject(input)) return undefined;
    const { data } = input;
    const size = isObject(input.parameters) ? input.parameters.binary_data_size : undefined;
    if (typeof size !== 'number') {
      delete input.data;
      return data;
    }
    if (data !== undefined) {
      throw TesseraError.invalid([{ pointer: `/inputs/${index}`, message: 'has both data and binary_data_size' }]);
    }
    const content = bytes.subarray(offset, offset + size);
    offset += size;
    return content;
  });
  if (offset === bytes.length) return contents;
  const message = `The tensors have ${offset} bytes by their binary_data_size, and the body has ${bytes.length} after the JSON`;
  throw new TesseraError('TSR_BODY_INVALID', `${message}; ${jsonLengthHeader} is the length of the JSON.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
