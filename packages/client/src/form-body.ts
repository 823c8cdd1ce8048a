/** A form with one file that is sent while it is made. */
export interface FormBody {
  readonly contentType: string;
  readonly chunks: AsyncGenerator<Uint8Array>;
}

/** Encodes `multipart/form-data` (RFC 7578): text fields, then the file. */
export function formBody(
  fields: Readonly<Record<string, string>>,
  fileField: string,
  file: AsyncIterable<Uint8Array>,
): FormBody {
  const boundary = `tessera-${randomHex()}`;
  const encoder = new TextEncoder();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const [name, value] of Object.entries(fields)) {
      yield encoder.encode(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
    }
    const disposition = `form-data; name="${fileField}"; filename="${fileField}"`;
    yield encoder.encode(
      `--${boundary}\r\ncontent-disposition: ${disposition}\r\ncontent-type: application/octet-stream\r\n\r\n`,
    );
    yield* file;
    yield encoder.encode(`\r\n--${boundary}--\r\n`);
  }
  return { contentType: `multipart/form-data; boundary=${boundary}`, chunks: chunks() };
}

/** Not `crypto.randomUUID`, which pages over plain http lack. */
function randomHex(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
