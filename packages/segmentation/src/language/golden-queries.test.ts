import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { BundleClass } from '@tessera/contracts';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { PhraseLexicon } from './phrase-lexicon.js';
import { parseQuery } from './query-parser.js';

/** Written by `training/golden/make_query_vectors.py`. */
const Vectors = Type.Object({
  queries: Type.Array(
    Type.Object({
      text: Type.String(),
      mentions: Type.Array(Type.Array(Type.Integer()), {
        description: 'Classes of the target, then of the other objects.',
      }),
      several: Type.Boolean(),
    }),
  ),
});

describe('parseQuery reads the phrasings that the reasoner was trained on', () => {
  let lexicon: PhraseLexicon;
  let vectors: Type.Static<typeof Vectors>;

  before(async () => {
    const readJson = async (path: string): Promise<unknown> =>
      JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8')) as unknown;
    const words = await readJson('../../../bundle-builder/src/baseline/class-words.json');
    lexicon = new PhraseLexicon(Value.Parse(Type.Array(BundleClass), words));
    vectors = Value.Parse(Vectors, Value.Clean(Vectors, await readJson('../../test-vectors/queries.json')));
  });

  it('finds the target and the other objects in their order', () => {
    for (const { text, mentions } of vectors.queries) {
      const { classes, referenceObjects } = parseQuery(text, lexicon);
      assert.deepEqual([classes, ...referenceObjects], mentions, text);
    }
  });

  it('distinguishes queries for one object from queries for several', () => {
    for (const { text, several } of vectors.queries) {
      assert.equal(parseQuery(text, lexicon).quantity.isPlural, several, text);
    }
  });

  it('knows every word, refuses no query and takes none for a description', () => {
    for (const { text } of vectors.queries) {
      const { unknownWords, refusedWords, isDescribed } = parseQuery(text, lexicon);
      assert.deepEqual(
        { text, unknownWords, refusedWords, isDescribed },
        { text, unknownWords: [], refusedWords: [], isDescribed: false },
      );
    }
  });
});
