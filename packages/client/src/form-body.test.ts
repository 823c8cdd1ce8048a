import assert from 'node:assert/strict';
import { ReadableStream } from 'node:stream/web';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formBody } from './form-body.js';

/** The form as another implementation reads it. */
function read(fields: Readonly<Record<string, string>>, file: Iterable<Uint8Array>): Promise<FormData> {
  const { contentType, chunks } = formBody(fields, 'archive', ReadableStream.from(file));
  // A server should not read forms with it; a test may.
  const body: { formData(): Promise<FormData> } = new Response(ReadableStream.from(chunks), {
    headers: { 'content-type': contentType },
  });
  return body.formData();
}

function fileOf(form: FormData): File {
  const file = form.get('archive');
  assert.ok(file instanceof File);
  return file;
}

describe('a form that is sent while it is made', () => {
  it('is read as the same fields and bytes', async () => {
    const name = fc.stringMatching(/^[a-z][a-z_]{0,9}$/).filter((text) => text !== 'archive');
    // A reader takes a byte order mark for what it is.
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\uFEFF'));
    const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, value), chunks, async (fields, file) => {
        const form = await read(fields, file);
        assert.deepEqual([...form.keys()], [...Object.keys(fields), 'archive']);
        for (const [field, text] of Object.entries(fields)) assert.equal(form.get(field), text);
        assert.deepEqual(Buffer.from(await fileOf(form).arrayBuffer()), Buffer.concat(file));
      }),
    );
  });

  it('keeps line breaks, dashes and what looks like the end of a part', async () => {
    const text = '\r\n--\r\n--tessera-0\r\n\r\n{"a":"ü"}\r\n';
    const form = await read({ options: text }, [Buffer.from(text), Buffer.from('\r\n--')]);
    assert.equal(form.get('options'), text);
    assert.equal(await fileOf(form).text(), `${text}\r\n--`);
  });

  it('has a file of bytes, named after its field', async () => {
    const file = fileOf(await read({}, []));
    assert.deepEqual([file.name, file.type, file.size], ['archive', 'application/octet-stream', 0]);
  });

  it('fails when its file does', async () => {
    function* broken() {
      yield Buffer.from('some');
      throw new Error('the disk is gone');
    }
    await assert.rejects(read({ name: 'x' }, broken()), /the disk is gone/);
  });
});
