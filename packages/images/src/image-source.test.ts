import { TesseraError } from '@tessera/contracts';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { errorWith } from './fixtures/errors.js';
import { resolveImageSource } from './image-source.js';

const options = { maxBytes: 1_000 };
const resolve = async (source: string, maxBytes = options.maxBytes) =>
  new Uint8Array(await resolveImageSource(source, { maxBytes }));

const someBytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
const whitespace = fc.constantFrom('', ' ', '\n', '\r\n', '\t');

describe('resolveImageSource with base64', () => {
  it('gives the encoded bytes back, whatever the alphabet, padding and line breaks', async () => {
    const property = fc.asyncProperty(
      someBytes,
      fc.constantFrom('base64', 'base64url'),
      fc.boolean(),
      fc.array(whitespace, { minLength: 1 }),
      async (bytes, alphabet, padded, breaks) => {
        const encoded = Buffer.from(bytes).toString(alphabet);
        const unpadded = encoded.replace(/=+$/, '');
        const digits = padded ? unpadded.padEnd(Math.ceil(unpadded.length / 4) * 4, '=') : unpadded;
        const text = Array.from(digits, (digit, index) => `${digit}${breaks[index % breaks.length] ?? ''}`).join('');
        assert.deepEqual(await resolve(text), bytes);
      },
    );
    await fc.assert(property);
  });

  it('accepts exactly what the forgiving decoder of the web platform accepts', async () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('AZaz09+/= \n.')), minLength: 1, maxLength: 12 });
    const property = fc.asyncProperty(text, async (source) => {
      const outcome: unknown = await resolve(source).catch((error: unknown) => error);
      let expected: string | undefined;
      try {
        expected = atob(source);
      } catch {
        expected = undefined;
      }
      if (expected === undefined || expected === '') {
        assert.ok(TesseraError.isInstance(outcome) && outcome.code === 'TSR_IMAGE_SOURCE_INVALID', source);
      } else {
        assert.deepEqual(outcome, new Uint8Array(Buffer.from(expected, 'latin1')));
      }
    });
    await fc.assert(property, { numRuns: 1_000 });
  });

  it('refuses any foreign character, and says where', async () => {
    for (const character of ['!', '%', 'é', '\0', '.', ',', '\u{1f600}', '\u00a0']) {
      await assert.rejects(resolve(`AAAA${character}AAA`), errorWith('TSR_IMAGE_SOURCE_INVALID', /character 5 /));
    }
  });

  it('refuses an empty field', async () => {
    for (const source of ['', '  \n', '====']) {
      await assert.rejects(resolve(source), errorWith('TSR_IMAGE_SOURCE_INVALID'));
    }
  });

  it('limits the decoded size', async () => {
    const source = Buffer.alloc(1_000).toString('base64');
    assert.equal((await resolve(source)).length, 1_000);
    await assert.rejects(resolve(source, 999), errorWith('TSR_BODY_TOO_LARGE', /999/));
  });

  it('takes seconds at most for large sources, good and bad', { timeout: 60_000 }, async () => {
    const size = 25_000_000;
    const good = Buffer.alloc(size, 7).toString('base64');
    const sources = [
      good,
      `${good.slice(0, -5)}!`,
      'A'.repeat(33_000_001),
      '='.repeat(33_000_000),
      ' '.repeat(33_000_000),
      `data:image/png;base64,${good}`,
      `data:image/png;${';'.repeat(33_000_000)}`,
      `data:image/png,${'%41'.repeat(10_000_000)}`,
      `data:image/png;base64,${'%41'.repeat(10_000_000)}`,
      `https:${'/'.repeat(33_000_000)}`,
      `${'a'.repeat(33_000_000)}:`,
    ];
    for (const source of sources) {
      const start = performance.now();
      await resolve(source, size).catch((error: unknown) => {
        assert.ok(TesseraError.isInstance(error));
      });
      const elapsed = performance.now() - start;
      // A quadratic search would take minutes.
      assert.ok(elapsed < 10_000, `${elapsed} ms for ${source.slice(0, 30)}…`);
    }
  });
});

describe('resolveImageSource with a data URL', () => {
  it('gives the encoded bytes back, base64 or percent-encoded', async () => {
    const property = fc.asyncProperty(someBytes, async (bytes) => {
      const base64 = Buffer.from(bytes).toString('base64');
      const percent = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      const sources = [
        `data:image/png;base64,${base64}`,
        `DATA:IMAGE/SVG+XML;charset=utf-8;BASE64,${base64}`,
        `data:image/png;base64,${encodeURIComponent(base64)}`,
        `data:image/x-whatever,${percent}`,
        `data:image/png;name=a.png,${percent.toUpperCase()}`,
      ];
      for (const source of sources) assert.deepEqual(await resolve(source), bytes);
    });
    await fc.assert(property);
  });

  it('passes unescaped ASCII through', async () => {
    assert.deepEqual(await resolve('data:image/gif,GIF89a%00'), new Uint8Array(Buffer.from('GIF89a\0')));
  });

  const invalid: Record<string, string> = {
    'without a comma': 'data:image/png;base64AAAA',
    'with another media type': 'data:text/html;base64,AAAA',
    'without a media type': 'data:,AAAA',
    'without data': 'data:image/png,',
    'without base64 data': 'data:image/png;base64,',
    'with a malformed escape': 'data:image/png,%4',
    'with an escape that is not hexadecimal': 'data:image/png,%zz',
    'with characters that need escaping': 'data:image/png,é',
    'with foreign characters in base64': 'data:image/png;base64,AA*A',
    'with an escaped foreign character in base64': 'data:image/png;base64,AAA%2A',
  };
  for (const [name, source] of Object.entries(invalid)) {
    it(`refuses one ${name}`, async () => {
      await assert.rejects(resolve(source), errorWith('TSR_IMAGE_SOURCE_INVALID'));
    });
  }

  it('limits the decoded size', async () => {
    assert.equal((await resolve('data:image/png,%41%42', 2)).length, 2);
    await assert.rejects(resolve('data:image/png,%41%42C', 2), errorWith('TSR_BODY_TOO_LARGE'));
    await assert.rejects(resolve('data:image/png;base64,QUJD', 2), errorWith('TSR_BODY_TOO_LARGE'));
  });
});

describe('resolveImageSource with other URLs', () => {
  it('refuses other schemes', async () => {
    for (const source of ['file:///etc/passwd', 'ftp://example.com/a.png', 'blob:x', 'javascript:alert(1)']) {
      await assert.rejects(resolve(source), errorWith('TSR_IMAGE_SOURCE_INVALID'), source);
    }
  });

  it('refuses URLs that do not parse', async () => {
    for (const source of ['https://', 'https://[::1', 'https://a b/', 'https://999.999.999.999/']) {
      await assert.rejects(resolve(source), errorWith('TSR_IMAGE_SOURCE_INVALID'), source);
    }
  });
});
