import { randomUUID } from 'node:crypto';

/** A form with one file that is sent while it is made. */
export interface FormBody {
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Encodes `multipart/form-data` (RFC 7578): text fields, then the file. */
export function formBody(
  fields: Readonly<Record<string, string>>,
  fileField: string,
  file: AsyncIterable<Uint8Array>,
): FormBody {
  const boundary = `tessera-${randomUUID()}`;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const [name, value] of Object.entries(fields)) {
      yield Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
    }
    const disposition = `form-data; name="${fileField}"; filename="${fileField}"`;
    yield Buffer.from(
      `--${boundary}\r\ncontent-disposition: ${disposition}\r\ncontent-type: application/octet-stream\r\n\r\n`,
    );
    yield* file;
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  }
  return { contentType: `multipart/form-data; boundary=${boundary}`, chunks: chunks() };
}
