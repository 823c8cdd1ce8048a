import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';

import { byteSymbols } from './byte-symbols.js';
import type { ClipDefinition } from './clip-definition.js';
import { loadTokenizer } from './load-tokenizer.js';

/** In the order of CLIP's vocabulary: every byte's symbol, the same at the end of a word, merges, special tokens. */
function definitionOf(merges: readonly string[]): ClipDefinition {
  const symbols = [...byteSymbols].sort();
  const pieces = [
    ...symbols,
    ...symbols.map((symbol) => `${symbol}</w>`),
    ...merges.map((merge) => merge.replace(' ', '')),
    '<|startoftext|>',
    '<|endoftext|>',
  ];
  return { type: 'clip-bpe', vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges };
}

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
const vocabularyFile = join(sharedData, 'clip', 'bpe_simple_vocab_16e6.txt.gz');
const skip = existsSync(vocabularyFile) ? false : `there is no ${vocabularyFile}; set SHARED_DATA to the shared data`;

describe('the tokenizer of CLIP', { skip }, () => {
  const lines = skip === false ? gunzipSync(readFileSync(vocabularyFile)).toString('utf8').split('\n') : [];
  const definition = definitionOf(lines.slice(1, 49_152 - 256 - 2 + 1));
  const tokenizer = loadTokenizer(definition);

  it('has CLIP’s 49 408 pieces', () => {
    assert.equal(Object.keys(definition.vocab).length, 49_408);
    assert.equal(definition.vocab['<|startoftext|>'], 49_406);
    assert.equal(tokenizer.unknownId, 49_407);
  });

  it('gives the ids that papers print', () => {
    assert.deepEqual(tokenizer.encode('a photo of a cat').ids, [320, 1125, 539, 320, 2368]);
    assert.deepEqual(tokenizer.encode('a diagram, a dog').ids, [320, 22697, 267, 320, 1929]);
    assert.deepEqual(tokenizer.encode('Hello  World!').ids, [3306, 1002, 256]);
    assert.deepEqual(tokenizer.encode('a photo of red dress').pieces, [
      'a</w>',
      'photo</w>',
      'of</w>',
      'red</w>',
      'dress</w>',
    ]);
  });

  it('gives the golden ids', () => {
    const goldenUrl = new URL('../test-vectors/clip.json', import.meta.url);
    const cases = JSON.parse(readFileSync(goldenUrl, 'utf8')) as { text: string; ids: number[] }[];
    assert.equal(cases.length, 2000);
    for (const { text, ids } of cases) assert.deepEqual(tokenizer.encode(text).ids, ids, JSON.stringify(text));
  });

  it('does not end where a text spells the token that ends texts', () => {
    const { ids } = tokenizer.encode('<|startoftext|> a cat <|endoftext|>');
    assert.ok(ids.every((id) => id < 49_406));
  });

  it('takes time all but linear in the length of the text', () => {
    for (const unit of ['a', 'the cat ', '🐶', 'qzx']) {
      const start = performance.now();
      tokenizer.encode(unit.repeat(50_000 / unit.length));
      const seconds = (performance.now() - start) / 1000;
      assert.ok(seconds < 5, `50 000 code units of "${unit}" took ${seconds} s`);
    }
  });
});

/** Byte pair encoding as it is defined: join every occurrence of the most urgent pair, until none is left. */
function naiveMerge(word: readonly string[], merges: readonly string[]): string[] {
  let pieces = [...word];
  for (;;) {
    const pairs = pieces.slice(1).map((right, index) => `${pieces[index]} ${right}`);
    const best = merges.find((merge) => pairs.includes(merge));
    if (best === undefined) return pieces;
    const joined: string[] = [];
    for (let index = 0; index < pieces.length; index++) {
      const isPair = pairs[index] === best;
      joined.push(isPair ? best.replace(' ', '') : (pieces[index] ?? ''));
      if (isPair) index += 1;
    }
    pieces = joined;
  }
}

const merges = ['a a', 'a b', 'b b</w>', 'aa a', 'ab a', 'aa aa', 'a b</w>', 'ab ab</w>', 'c ab'];

/** Any UTF-16, lone surrogates included; fast-check's own unit for that takes seconds to build. */
const anyString = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });

describe('a clip-bpe definition', () => {
  const definition = definitionOf(merges);

  it('joins pairs as byte pair encoding is defined', () => {
    const tokenizer = loadTokenizer(definition);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 30 }), (letters) => {
        const word = letters.map((letter, index) => (index < letters.length - 1 ? letter : `${letter}</w>`));
        assert.deepEqual(tokenizer.encode(letters.join('')).pieces, naiveMerge(word, merges));
      }),
    );
  });

  it('covers every text with its bytes', () => {
    const tokenizer = loadTokenizer(definition);
    fc.assert(
      fc.property(anyString, (text) => {
        const { ids, pieces } = tokenizer.encode(text);
        assert.ok(ids.every((id) => Number.isInteger(id) && id !== tokenizer.unknownId));
        const symbols = Array.from(pieces.join('').replaceAll('</w>', ''));
        const bytes = Buffer.from(symbols.map((symbol) => byteSymbols.indexOf(symbol)));
        const visible = text
          .normalize('NFC')
          .toLowerCase()
          .replaceAll(/\p{White_Space}+/gu, '');
        assert.deepEqual(bytes, Buffer.from(visible));
      }),
    );
  });

  it('may list merges as pairs, as newer files do', () => {
    const pairs = merges.map((merge) => merge.split(' ') as [string, string]);
    const text = 'abab aaab';
    assert.deepEqual(
      loadTokenizer({ ...definition, merges: pairs }).encode(text),
      loadTokenizer(definition).encode(text),
    );
  });

  const { '!</w>': exclamation, ...incomplete } = definition.vocab;
  const malformed: [name: string, json: unknown][] = [
    ['no vocabulary', { type: 'clip-bpe', merges }],
    ['a vocabulary that is a list', { ...definition, vocab: [] }],
    ['an id that is no whole number', { ...definition, vocab: { ...definition.vocab, '!': 0.5 } }],
    ['an id twice', { ...definition, vocab: { ...definition.vocab, '!': exclamation } }],
    ['a byte without a piece', { ...definition, vocab: incomplete }],
    ['no merges', { ...definition, merges: undefined }],
    ['a merge of three', { ...definition, merges: ['a b c'] }],
    ['a merge that makes no piece', { ...definition, merges: ['x y'] }],
    ['a merge of something else', { ...definition, merges: [7] }],
  ];
  for (const [name, json] of malformed) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => loadTokenizer(json), { name: 'TokenizerDefinitionError' });
    });
  }
});
