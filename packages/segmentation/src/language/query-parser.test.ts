import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PhraseLexicon } from './phrase-lexicon.js';
import { parseQuery } from './query-parser.js';

const names = ['person', 'cat', 'dog', 'cup', 'laptop', 'umbrella', 'orange', 'hot dog', 'wine glass', 'knife', 'bus'];
const synonyms: Readonly<Record<string, readonly string[]>> = {
  person: ['man', 'driver', 'rider'],
  cup: ['mug', 'glass'],
  'wine glass': ['glass', 'glass of wine'],
  'hot dog': ['hotdog'],
};
const broader: Readonly<Record<string, readonly string[]>> = {
  cat: ['animal', 'pet'],
  dog: ['animal', 'pet'],
  orange: ['fruit'],
  bus: ['means of transport'],
};
const lexicon = new PhraseLexicon(
  names.map((name) => ({
    name,
    synonyms: [...(synonyms[name] ?? [])],
    broader: [...(broader[name] ?? [])],
    descriptions: [],
  })),
);

function named(query: string): string[] {
  return parseQuery(query, lexicon).classes.map((index) => names[index] ?? '');
}

describe('parseQuery finds the classes that are named', () => {
  for (const [query, expected] of [
    ['dog', ['dog']],
    ['The DOGS!', ['dog']],
    ['mugs', ['cup']],
    ['men', ['person']],
    ['all the knives', ['knife']],
    ['hot dog', ['hot dog']],
    ['hot-dogs', ['hot dog']],
    ['two glasses of wine', ['wine glass']],
    ['glass', ['cup', 'wine glass']],
    ['animals', ['cat', 'dog']],
    ['please segment the dog', ['dog']],
    ['can you show me where the dog is', ['dog']],
    ['What is the dog doing?', ['dog']],
    ['on the left there is a dog', ['dog']],
    ['one of the dogs', ['dog']],
    ['a group of people', ['person']],
    ['the dog and the cat', ['cat', 'dog']],
    ['dogs, cats & cups', ['cat', 'dog', 'cup']],
  ] as const) {
    it(JSON.stringify(query), () => {
      assert.deepEqual(named(query), expected);
    });
  }
});

describe('parseQuery prefers the head noun', () => {
  for (const [query, expected] of [
    ['the cup next to the laptop', ['cup']],
    ['the man holding the umbrella', ['person']],
    ['the dog that chases the cat', ['dog']],
    ['the bus driver', ['person']],
    ['orange cat', ['cat']],
    ['the man’s umbrella', ['umbrella']],
    ['the dog the man loves', ['dog']],
    ['what is used to cut an orange', []],
    ['something the dog likes', []],
    ['dog leash', []],
    ['it barks at the cat', []],
    ['you hold this against an umbrella', []],
    ['this dog', ['dog']],
  ] as const) {
    it(JSON.stringify(query), () => {
      assert.deepEqual(named(query), expected);
    });
  }
});

describe('parseQuery tells a described kind from a plain one', () => {
  for (const [query, isDescribed] of [
    ['the animals', false],
    ['the animal on the left', false],
    ['the striped animal', true],
    ['the animal that barks', true],
    ['a furry pet', true],
    ['the furry dog', false],
  ] as const) {
    it(JSON.stringify(query), () => {
      assert.equal(parseQuery(query, lexicon).isDescribed, isDescribed);
    });
  }
});

describe('parseQuery sorts the words that it does not use', () => {
  it('knows positions, sizes, colours, counts, relations and other classes', () => {
    const parsed = parseQuery('the two big red cups on the left next to the laptop', lexicon);
    assert.deepEqual(parsed.modifierWords, ['two', 'big', 'red', 'left', 'next', 'laptop']);
    assert.deepEqual(parsed.placementWords, ['two', 'left']);
    const behind = parseQuery('the red dog on the left behind the largest cat', lexicon);
    assert.deepEqual(behind.untrainedWords, ['red', 'behind']);
    assert.deepEqual(parsed.unknownWords, []);
  });

  it('knows negations, whether the query names a class or describes one', () => {
    assert.deepEqual(parseQuery("the cups that aren't red", lexicon).modifierWords, ['arent', 'red']);
    assert.deepEqual(parseQuery('not the dogs', lexicon).placementWords, ['not']);
    assert.deepEqual(parseQuery('a man without an umbrella', lexicon).modifierWords, ['without', 'umbrella']);
  });

  it('finds words that it does not know wherever they are', () => {
    const parsed = parseQuery('the zorgl dog near the flimzorp', lexicon);
    assert.deepEqual(parsed.classes, [2]);
    assert.deepEqual(parsed.unknownWords, ['zorgl', 'flimzorp']);
    assert.deepEqual(parsed.modifierWords, ['near']);
  });

  it('has nothing to say about words of request', () => {
    const parsed = parseQuery('Please find the dog in this photo', lexicon);
    assert.deepEqual([...parsed.unknownWords, ...parsed.modifierWords], []);
  });
});

it('parseQuery reads any text', () => {
  const word = fc.oneof(fc.constantFrom(...names, 'it', 'of', 'what', 'this', 'and', ',', '’s'), fc.string());
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      const { classes, unknownWords, modifierWords } = parseQuery(words.join(' '), lexicon);
      assert.ok(classes.every((index) => index >= 0 && index < names.length));
      assert.equal(new Set([...unknownWords, ...modifierWords]).size, unknownWords.length + modifierWords.length);
    }),
  );
});
