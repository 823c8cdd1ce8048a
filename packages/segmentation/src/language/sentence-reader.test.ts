import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { isBundleOf, type Bundle } from '@tessera/inference';
import { loadTokenizer } from '@tessera/tokenizer';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';
import { readQueries } from './asked-query.js';
import { readClasses, readJson } from './bundle-classes.js';
import { ClassSimilarity } from './class-similarity.js';
import type { Reading } from './reading.js';
import { SentenceReader } from './sentence-reader.js';
import { loadSubwordTokenizer, type SubwordTokenizer } from './subword-tokenizer.js';
import { TextEncoder } from './text-encoder.js';

/** By the index in the flat output its probability; those under 0.02 are left out. */
type Likely = Readonly<Record<string, number>>;
interface Vectors {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly readings: readonly ({ readonly text: string } & Readonly<
    Record<'classes' | 'number' | 'names' | 'tags', Likely>
  >)[];
}

/** 8-bit activations against single precision. */
const tolerance = 0.12;

/** A word with a letter missing, doubled, wrong, added, and in the place of its neighbour; where and which by the seed. */
function slipsOf(word: string, seed: number): string[] {
  const at = 1 + (seed % (word.length - 2));
  const letter = String.fromCharCode(97 + ((7 * seed) % 26));
  const [before, own, next, after] = [word.slice(0, at), word[at] ?? '', word[at + 1] ?? '', word.slice(at + 2)];
  const slips = [
    before + next + after,
    before + own + own + next + after,
    before + letter + next + after,
    before + letter + own + next + after,
    before + next + own + after,
  ];
  return [...new Set(slips)].filter((slip) => slip !== word);
}

describe('the reader of tessera-mini', () => {
  let bundle: Bundle;
  let runner: ObservedRunner;
  let reader: SentenceReader;
  let tokenizer: SubwordTokenizer;
  let classNames: readonly string[];
  let vectors: Vectors;

  const read = async (query: string): Promise<Reading> => {
    const [reading] = await reader.read([query]);
    assert.ok(reading);
    return reading;
  };
  /** A reader that remembers no sentence. */
  const createReader = async (): Promise<SentenceReader> => {
    assert.ok(isBundleOf(bundle, 'region-reasoner'));
    const { settings } = bundle.manifest;
    const encoder = new TextEncoder(bundle, runner, loadTokenizer(await readJson(bundle, settings.tokenizer)));
    const similarity = await ClassSimilarity.create(await readClasses(bundle, settings), encoder);
    return await SentenceReader.create(bundle, runner, similarity, settings, classNames);
  };
  const namesOf = (classes: readonly number[]): unknown[] => classes.map((index) => classNames[index]);

  before(async () => {
    const file = new URL('../../test-vectors/reader.json', import.meta.url);
    vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors;
    ({ bundle, runner } = await startTestRunner('tessera-mini'));
    assert.ok(isBundleOf(bundle, 'region-reasoner'));
    const { settings } = bundle.manifest;
    const classes = await readClasses(bundle, settings);
    classNames = classes.map(({ name }) => name);
    tokenizer = await loadSubwordTokenizer(bundle, settings.reader_tokenizer);
    reader = await createReader();
  });

  after(() => runner.close());

  it('reads names with one letter wrong, and says so', async () => {
    for (const [query, name, typed] of [
      ['the airplne', 'airplane', 'airplne'],
      ['the hoorse on the left', 'horse', 'hoorse'],
      ['two umberllas', 'umbrella', 'umberllas'],
    ] as const) {
      const { classes, warnings, ...reading } = await read(query);
      assert.deepEqual([reading.query, namesOf(classes)], [query, [name]]);
      const respelled = warnings.find(({ code }) => code === 'respelled');
      assert.ok(respelled?.words.includes(typed), `${query}: ${JSON.stringify(warnings)}`);
    }
  });

  it('reads most names with a slip in their longest word, and denies most others', async (context) => {
    const slips = classNames.flatMap((name, index) => {
      const [word = ''] = name.split(' ').sort((a, b) => b.length - a.length);
      return word.length < 4 ? [] : slipsOf(word, index).map((slip) => ({ name, text: name.replace(word, slip) }));
    });
    const readings = await reader.read(slips.map(({ text }) => `the ${text}`));
    const right = slips.filter(({ name }, index) => namesOf(readings[index]?.classes ?? []).join() === name);
    const denied = readings.filter(({ isAnswerable }) => !isAnswerable);
    const counts = [right.length, denied.length, slips.length - right.length - denied.length];
    context.diagnostic(`of ${slips.length} names with a slip right, denied and wrong: ${counts.join(', ')}`);
    assert.ok(right.length >= 0.85 * slips.length);
    assert.ok(right.length + denied.length >= 0.93 * slips.length);
  });

  it('takes other words for no slip', async () => {
    for (const query of ['the moose', 'the conch', 'the skink', 'the parrots', 'the goats']) {
      const { isAnswerable, warnings } = await read(query);
      assert.deepEqual([isAnswerable, warnings.map(({ code }) => code)], [false, ['unknown_thing']], query);
    }
  });

  it('cuts texts into tokens as the tokenizers library does, odd Unicode included', () => {
    for (const { text, ids } of vectors.texts) assert.deepEqual(tokenizer.encode(` ${text}`).ids, ids, text);
  });

  it('computes what the trained model does in PyTorch', async () => {
    for (const { text, ...expected } of vectors.readings) {
      const { ids } = tokenizer.encode(` ${text}`);
      const { outputs } = await runner.run({
        bundle: bundle.manifest.name,
        graph: 'reader',
        feeds: {
          ids: { type: 'int64', dims: [1, ids.length], data: BigInt64Array.from(ids, BigInt) },
          lengths: { type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(ids.length)) },
        },
        fetch: Object.keys(expected),
      });
      for (const [name, likely] of Object.entries(expected)) {
        const data = outputs[name]?.data as Float32Array;
        for (const [index, value] of data.entries()) {
          const difference = Math.abs(value - (likely[String(index)] ?? 0));
          assert.ok(difference < tolerance, `${text}: ${name}[${String(index)}] is ${String(value)}`);
        }
      }
    }
  });

  it('reads capital letters as small ones, and reports words as they were typed', async () => {
    const titled = (text: string) => text.replaceAll(/\b\p{L}/gu, (letter) => letter.toUpperCase());
    const spelled = classNames.flatMap((name) => [name, titled(name), name.toUpperCase(), `The ${titled(name)}`]);
    const readings = await reader.read([...spelled, ...spelled.map((query) => query.toLowerCase())]);
    for (const [index, query] of spelled.entries()) {
      const [reading, small] = [readings[index], readings[spelled.length + index]];
      assert.deepEqual({ ...reading, query: query.toLowerCase() }, { ...small }, query);
    }
    const { warnings } = await read('The Whiteboard on the LEFT');
    assert.deepEqual(
      warnings.map(({ code, words }) => [code, ...words]),
      [['unknown_thing', 'Whiteboard']],
    );
    assert.deepEqual((await read('ÄÖÜ ẞ İstanbul')).isAnswerable, false);
  });

  it('reads a sentence alike alone and in a batch', async () => {
    const texts = vectors.readings.map(({ text }) => text);
    const together = await (await createReader()).read(texts);
    for (const [index, text] of texts.entries()) {
      const alone = await read(text);
      const { classWeights: weights, ...rest } = together[index] ?? alone;
      const { classWeights: others, ...same } = alone;
      assert.deepEqual(rest, same);
      assert.ok(
        weights.every((weight, place) => Math.abs(weight - (others[place] ?? 0)) < 0.05),
        text,
      );
    }
  });

  it('reads a sentence once for any number of photos', async () => {
    const fresh = await createReader();
    const first = await fresh.read(['the red cup', 'what do I sit on?']);
    const runs = runner.runs.length;
    assert.deepEqual(await fresh.read(['what do I sit on?', 'the red cup']), first.toReversed());
    assert.equal(runner.runs.length, runs);
  });

  it('finds the classes that are named, described or broader', async () => {
    assert.deepEqual(namesOf((await read('the zebra')).classes), ['zebra']);
    assert.deepEqual(namesOf((await read('show me the sofa, please')).classes), ['couch']);
    assert.deepEqual(namesOf((await read('what do I type on?')).classes), ['keyboard']);
    assert.ok(namesOf((await read('all the animals')).classes).includes('giraffe'));
  });

  it('reads a word for a set of classes alike in singular and plural, definite and not', async () => {
    const sets = [
      { one: 'vehicle', several: 'vehicles', size: 8 },
      { one: 'appliance', several: 'appliances', size: 4 },
      { one: 'utensil', several: 'utensils', size: 3 },
      { one: 'pet', several: 'pets', size: 2 },
      { one: 'living being', several: 'living beings', size: 11 },
    ];
    for (const { one, several, size } of sets) {
      const article = /^[aeiou]/.test(one) ? 'an' : 'a';
      const wordings = [`the ${one}`, `${article} ${one}`, `the ${several}`, several, `the ${several} on the left`];
      for (const text of wordings) {
        const { classes, isDescription } = await read(text);
        assert.deepEqual([classes.length, isDescription], [size, false], `${text}: ${namesOf(classes).join(', ')}`);
      }
    }
  });

  it('takes what stands in relation apart from what is asked for', async () => {
    const { classes, references } = await read('the cup next to the laptop');
    assert.deepEqual([namesOf(classes), references.map(namesOf)], [['cup'], [['laptop']]]);
  });

  it('unites what is joined, in either order', async () => {
    for (const query of ['the cat and the dog', 'the dog and the cat', 'cat and dog']) {
      assert.deepEqual(namesOf((await read(query)).classes), ['cat', 'dog'], query);
    }
  });

  it('unites nearly all pairs of classes that are joined', async () => {
    const names = [
      'person',
      'cat',
      'dog',
      'car',
      'bicycle',
      'umbrella',
      'chair',
      'laptop',
      'cup',
      'bus',
      'couch',
      'book',
    ];
    const pairs = names.flatMap((one) => names.filter((other) => other !== one).map((other) => [one, other] as const));
    const readings = await reader.read(pairs.map(([one, other]) => `the ${one} and the ${other}`));
    const wrong = pairs.filter(([one, other], index) => {
      const found = namesOf(readings[index]?.classes ?? []);
      return found.length !== 2 || !found.includes(one) || !found.includes(other);
    });
    assert.ok(wrong.length <= pairs.length / 20, wrong.map((pair) => pair.join(' and ')).join(', '));
  });

  describe('of a query with several parts', () => {
    const ask = async (query: string): Promise<readonly [asked: readonly string[], leftOut: readonly string[]]> => {
      const [found] = await readQueries(reader, [query], classNames);
      assert.ok(found);
      return [found.asked.map((own) => own.query), found.leftOut.map((own) => own.query)];
    };

    it('reads each that it joins', async () => {
      for (const words of ['and', 'as well as', 'together with', 'plus']) {
        const query = `the fire hydrant ${words} the bicycle`;
        assert.deepEqual(await ask(query), [['the fire hydrant', 'the bicycle'], []], query);
      }
      assert.deepEqual(await ask('the cup, the broccoli and the red fork'), [
        ['the cup', 'the broccoli', 'the red fork'],
        [],
      ]);
    });

    it('reads as a whole what joins nothing', async () => {
      for (const query of [
        'the black and white cat',
        'the dog with the cat and the bird',
        'of the two biggest people, the one on the left',
        'the red cup, please',
        'the person in a suit and tie',
      ]) {
        assert.deepEqual(await ask(query), [[query], []], query);
      }
    });

    it('reads what it leaves out of a class, with the noun that it is short for', async () => {
      for (const [query, asked, leftOut] of [
        ['everyone except the man on the left', 'everyone', 'the man on the left'],
        ['all horses except the white one', 'all horses', 'the white horse'],
        ['all elephants but the smallest one', 'all elephants', 'the smallest elephant'],
        ['the umbrellas excluding the green ones', 'the umbrellas', 'the green umbrellas'],
      ] as const) {
        assert.deepEqual(await ask(query), [[asked], [leftOut]], query);
      }
    });

    it('leaves whole classes out of a larger set', async () => {
      const [found] = await readQueries(reader, ['all animals except the dogs'], classNames);
      const [animals] = found?.asked ?? [];
      assert.ok(animals);
      assert.deepEqual([animals.query, namesOf(animals.excluded), found?.leftOut], ['all animals', ['dog'], []]);
      const names = namesOf(animals.classes);
      assert.ok(names.includes('cat') && names.includes('bird') && !names.includes('dog'));
    });

    it('warns of a part that it does not know', async () => {
      const [found] = await readQueries(reader, ['the elephants and the trees'], classNames);
      assert.deepEqual(found?.asked[0]?.warnings, [{ code: 'ignored_words', words: ['the trees'] }]);
    });

    it('is refused when it leaves out what cannot be told', async () => {
      for (const query of ['all cups except the qwrtplk', 'the people not riding horses']) {
        const [found] = await readQueries(reader, [query], classNames);
        const codes = found?.asked.map(({ isAnswerable, warnings }) => [isAnswerable, warnings[0]?.code]);
        assert.deepEqual(codes, [[false, 'negation']], query);
      }
    });
  });

  it('tells kinds and verbs without their article and behind their noun', async () => {
    for (const [query, code, word] of [
      ['women', 'kind_not_told', 'women'],
      ['a man', 'kind_not_told', 'man'],
      ['children', 'kind_not_told', 'children'],
      ['the person standing', 'ignored_words', 'standing'],
      ['the dog running', 'ignored_words', 'running'],
      ['the oldest person', 'ignored_words', 'oldest'],
    ] as const) {
      assert.deepEqual((await read(query)).warnings, [{ code, words: [word] }], query);
    }
    for (const query of ['people', 'a cup', 'bikes', 'the red bed', 'the smallest dog']) {
      assert.deepEqual((await read(query)).warnings, [], query);
    }
  });

  it('knows every class by its bare name', async () => {
    const readings = await reader.read(classNames.map(String));
    for (const [index, { classes }] of readings.entries()) {
      assert.deepEqual(namesOf(classes), [classNames[index]]);
    }
  });

  it('compares descriptions with the classes', async () => {
    for (const [query, name] of [
      ['something to keep the rain off', 'umbrella'],
      ['the animal that barks', 'dog'],
      ['what could I read?', 'book'],
    ] as const) {
      const { classes, isDescription } = await read(query);
      assert.ok(isDescription && namesOf(classes).includes(name), query);
    }
  });

  it('says how many are asked for', async () => {
    assert.deepEqual((await read('two zebras')).quantity, { isPlural: true, count: 2 });
    assert.deepEqual((await read('the 15 zebras')).quantity, { isPlural: true, count: 15 });
    assert.deepEqual((await read('all the zebras')).quantity, { isPlural: true });
    assert.deepEqual((await read('the zebra')).quantity, { isPlural: false });
  });

  it('says which colours, and of which part', async () => {
    assert.deepEqual((await read('the red car')).colours, [{ place: 'whole', colour: 'red' }]);
    const [shirt] = (await read('the man in the green shirt')).colours;
    assert.equal(shirt?.colour, 'green');
    assert.equal((await read('the black cat')).colours[0]?.colour, 'black');
  });

  it('tells front and back', async () => {
    assert.equal((await read('the person in the background')).depth, 'back');
    assert.equal((await read('the car closest to the camera')).depth, 'front');
    assert.equal((await read('the car on the left')).depth, undefined);
  });

  it('leaves excluded classes out', async () => {
    for (const words of ['other than', 'except', 'instead of', 'save for', 'barring', 'leaving out', 'excluding']) {
      const { classes, excluded } = await read(`vehicles ${words} cars`);
      assert.ok(classes.length > 3 && !namesOf(classes).includes('car'), words);
      assert.deepEqual(namesOf(excluded), ['car'], words);
    }
    for (const query of ['anything but cars', 'the vehicles except the cars', 'vehicles, cars excluded']) {
      const { classes, excluded } = await read(query);
      assert.ok(classes.length > 3 && !namesOf(classes).includes('car'), query);
      assert.deepEqual(namesOf(excluded), ['car'], query);
    }
  });

  const refusals = [
    ['the whiteboard', 'unknown_thing', 'whiteboard'],
    ['the grass', 'unknown_thing', 'grass'],
    ["the cat's tail", 'part_not_found', 'tail'],
    ['zero cars', 'negation', 'zero'],
    ['der Hund', 'language', 'Hund'],
    ['le chien', 'language', 'chien'],
    ['el perro rojo', 'language', 'perro'],
    ['🐶', 'unknown_words', '🐶'],
    ['?', 'unknown_words', '?'],
    ['qwrtplk', 'unknown_words', 'qwrtplk'],
  ] as const;
  for (const [query, code, word] of refusals) {
    it(`refuses "${query}" as ${code}`, async () => {
      const { isAnswerable, classes, warnings } = await read(query);
      assert.deepEqual([isAnswerable, classes, warnings[0]?.code], [false, [], code]);
      assert.ok(warnings[0]?.words.join(' ').includes(word));
    });
  }

  it('counts what it does not know beside its object among the words that make no difference', async () => {
    for (const query of ['the umbrella held by the lady', 'the bike leaning on the wall']) {
      const { isAnswerable, warnings } = await read(query);
      assert.ok(isAnswerable, query);
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ['ignored_words'],
        query,
      );
    }
  });

  it('names the words that it cannot use', async () => {
    assert.deepEqual((await read('the policeman')).warnings, [{ code: 'kind_not_told', words: ['policeman'] }]);
    assert.ok((await read('the wooden chair')).warnings.some(({ words }) => words.join(' ').includes('wooden')));
    assert.deepEqual((await read('the chair on the left')).warnings, []);
  });

  it('names a picture that it cannot read, and not the words around it', async () => {
    assert.deepEqual((await read('the 🐶')).warnings, [{ code: 'unknown_words', words: ['🐶'] }]);
  });

  it('warns of a word once', async () => {
    assert.equal((await read('a wooden table')).warnings.length, 1);
  });

  it('says which words of a long query it did not read', async () => {
    const { warnings } = await read(`the dog ${'next to the dog '.repeat(20)}zebra`);
    assert.ok(warnings.some(({ code, words }) => code === 'ignored_words' && words.join(' ').includes('zebra')));
  });
});
