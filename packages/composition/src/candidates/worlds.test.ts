import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifyLimits, TesseraError } from '@tessera/contracts';
import fc from 'fast-check';
import { compositionAt, hashCandidates, selectCandidates, type CandidateSet } from './candidate-set.js';
import type { Composition } from './composition.js';
import { closedWorld, objectCandidates, openWorld, pairCandidates, requireKnownPrimitives } from './worlds.js';

function compositionsOf(candidates: CandidateSet): Composition[] {
  return Array.from({ length: candidates.count }, (_, index) => compositionAt(candidates, index));
}

function seenOf(candidates: CandidateSet): Composition[] {
  return compositionsOf(candidates).filter((_, index) => candidates.seen[index] === 1);
}

function distinct(pairs: readonly Composition[]): Composition[] {
  return [...new Map(pairs.map((pair) => [JSON.stringify(pair), pair])).values()];
}

/** A validation error that points at `pointer`. */
function pointsAt(pointer: string) {
  return (error: unknown) =>
    TesseraError.isInstance(error) && error.code === 'TSR_VALIDATION' && error.fields[0]?.pointer === pointer;
}

const name = fc.constantFrom('red', 'blue', 'old', 'dress', 'a b', 'b', '__proto__', 'Ünï');
const pair = fc.array(name, { minLength: 2, maxLength: 4 });
const pairs = fc.array(pair, { minLength: 1, maxLength: 30 });

describe('pairCandidates', () => {
  it('gives each pair once, in the order of the request, and marks the seen ones', () => {
    fc.assert(
      fc.property(pairs, fc.array(pair), (asked, seen) => {
        const candidates = pairCandidates(asked, seen);
        const expected = distinct(asked);
        assert.deepEqual(compositionsOf(candidates), expected);
        const seenKeys = new Set(seen.map((item) => JSON.stringify(item)));
        assert.deepEqual(
          seenOf(candidates),
          expected.filter((item) => seenKeys.has(JSON.stringify(item))),
        );
        assert.deepEqual(
          [...candidates.attributes].sort(),
          [...new Set(expected.flatMap((p) => p.slice(0, -1)))].sort(),
        );
        assert.deepEqual([...candidates.objects].sort(), [...new Set(expected.map((p) => p.at(-1)))].sort());
      }),
    );
  });

  it('takes spellings of one name for one primitive, shown as it was first spelled', () => {
    const asked = [
      ['Red ', 'T-Shirt'],
      ['red', 't_shirt'],
      ['RED', 'T SHIRT'],
      ['dark_red', 't-shirt'],
      ['Dark-Red', 't-shirt'],
    ];
    const candidates = pairCandidates(asked, [['dark red', 't  shirt']]);
    assert.deepEqual(compositionsOf(candidates), [
      ['Red', 'T-Shirt'],
      ['dark_red', 'T-Shirt'],
    ]);
    assert.deepEqual(seenOf(candidates), [['dark_red', 'T-Shirt']]);
    const plain = pairCandidates([
      ['red', 't shirt'],
      ['dark red', 't shirt'],
    ]);
    assert.equal(hashCandidates(candidates), hashCandidates(plain));
  });

  it('keeps the order of attributes apart, since it is the order of the prompt', () => {
    const candidates = pairCandidates([
      ['old', 'white', 'cat'],
      ['white', 'old', 'cat'],
    ]);
    assert.equal(candidates.count, 2);
  });

  it('refuses what is no pair, naming it', () => {
    assert.throws(() => pairCandidates([]), pointsAt('/pairs'));
    assert.throws(() => pairCandidates([['red', 'dress'], ['dress']]), pointsAt('/pairs/1'));
    assert.throws(() => pairCandidates([[]]), pointsAt('/pairs/0'));
    assert.throws(
      () => pairCandidates([[...Array.from({ length: 9 }, (_, index) => `a${index}`), 'o']]),
      pointsAt('/pairs/0'),
    );
    assert.throws(() => pairCandidates([['red', ' ']]), pointsAt('/pairs/0/1'));
    assert.throws(() => pairCandidates([['re\u0000d', 'dress']]), pointsAt('/pairs/0/0'));
    assert.throws(() => pairCandidates([['\ud800', 'dress']]), pointsAt('/pairs/0/0'));
    assert.throws(() => pairCandidates([['r'.repeat(129), 'dress']]), pointsAt('/pairs/0/0'));
  });

  it('refuses more attributes than the limit', () => {
    const many = Array.from({ length: classifyLimits.attributes + 1 }, (_, index) => [`attribute ${index}`, 'dress']);
    assert.throws(() => pairCandidates(many), pointsAt('/pairs'));
    assert.equal(pairCandidates(many.slice(1)).count, classifyLimits.attributes);
  });
});

describe('closedWorld', () => {
  it('is the union of the seen pairs and the others', () => {
    fc.assert(
      fc.property(pairs, fc.array(pair), (seen, others) => {
        const candidates = closedWorld(seen, others);
        assert.deepEqual(compositionsOf(candidates), distinct([...seen, ...others]));
        assert.deepEqual(seenOf(candidates), distinct(seen));
      }),
    );
  });
});

describe('openWorld', () => {
  it('has every attribute with every object', () => {
    const candidates = openWorld(['red', 'blue', 'red'], ['dress', 'hat'], [['blue', 'hat']]);
    assert.deepEqual(compositionsOf(candidates), [
      ['red', 'dress'],
      ['red', 'hat'],
      ['blue', 'dress'],
      ['blue', 'hat'],
    ]);
    assert.deepEqual(seenOf(candidates), [['blue', 'hat']]);
  });

  it('has each name once, however it is spelled', () => {
    const candidates = openWorld(['red', 'Red', 'RED', 'red '], ['hat', 'Hat'], [['RED', 'HAT']]);
    assert.deepEqual(compositionsOf(candidates), [['red', 'hat']]);
    assert.deepEqual(seenOf(candidates), [['red', 'hat']]);
  });

  it('has the seen compositions of several attributes as well, once', () => {
    const seen = [
      ['old', 'red', 'hat'],
      ['old', 'red', 'hat'],
      ['red', 'hat'],
    ];
    assert.deepEqual(compositionsOf(openWorld(['old', 'red'], ['hat'], seen)), [
      ['old', 'hat'],
      ['red', 'hat'],
      ['old', 'red', 'hat'],
    ]);
  });

  it('is what its pairs one by one would have given', () => {
    const names = fc.uniqueArray(name, { minLength: 1 });
    fc.assert(
      fc.property(
        names,
        names,
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.boolean())),
        (attributes, objects, picks) => {
          const seen = picks.map(([first, second, last, isPair]) => {
            const [one = '', two = ''] = [first, second].map((pick) => attributes[pick % attributes.length] ?? '');
            const object = objects[last % objects.length] ?? '';
            return isPair ? [one, object] : [one, two, object];
          });
          const everyPair = attributes.flatMap((attribute) => objects.map((object) => [attribute, object]));
          const longer = seen.filter(({ length }) => length > 2);
          assert.deepEqual(openWorld(attributes, objects, seen), pairCandidates([...everyPair, ...longer], seen));
        },
      ),
    );
  });

  it('refuses empty lists, unusable names and more candidates than the limit', () => {
    const many = Array.from({ length: 600 }, (_, index) => `name ${index}`);
    assert.throws(() => openWorld([], ['hat']), pointsAt('/vocabulary/attributes'));
    assert.throws(() => openWorld(['red'], ['hat', '']), pointsAt('/vocabulary/objects/1'));
    assert.throws(() => openWorld(many, many), pointsAt('/vocabulary'));
  });
});

describe('objectCandidates', () => {
  it('are objects without any attribute', () => {
    const candidates = objectCandidates(['dog', 'Dog', 'cup']);
    assert.deepEqual(compositionsOf(candidates), [['dog'], ['cup']]);
    assert.deepEqual([...candidates.attributeStarts], [0, 0, 0]);
  });
});

describe('selectCandidates', () => {
  it('gives what those pairs alone would have given', () => {
    fc.assert(
      fc.property(
        pairs,
        fc.array(pair),
        fc.uint8Array({ minLength: 30, maxLength: 30, max: 1 }),
        (asked, seen, marks) => {
          const candidates = pairCandidates(asked, seen);
          const chosen = compositionsOf(candidates).filter((_, index) => marks[index] === 1);
          fc.pre(chosen.length > 0);
          assert.deepEqual(selectCandidates(candidates, marks), pairCandidates(chosen, seen));
        },
      ),
    );
  });

  it('keeps what is marked, and only its names', () => {
    const candidates = pairCandidates(
      [
        ['red', 'hat'],
        ['old', 'blue', 'dress'],
        ['blue', 'hat'],
      ],
      [['old', 'blue', 'dress']],
    );
    const selected = selectCandidates(candidates, Uint8Array.of(0, 1, 0));
    assert.deepEqual(selected, pairCandidates([['old', 'blue', 'dress']], [['old', 'blue', 'dress']]));
  });
});

describe('compositionAt', () => {
  it('refuses an index outside of the set', () => {
    const candidates = pairCandidates([['red', 'hat']]);
    assert.throws(() => compositionAt(candidates, 1), RangeError);
    assert.throws(() => compositionAt(candidates, -1), RangeError);
  });
});

describe('hashCandidates', () => {
  it('differs between compositions, whichever were seen', () => {
    fc.assert(
      fc.property(pairs, pairs, (left, right) => {
        const same = JSON.stringify(distinct(left)) === JSON.stringify(distinct(right));
        assert.equal(hashCandidates(pairCandidates(left)) === hashCandidates(pairCandidates(right, right)), same);
      }),
    );
  });
});

describe('requireKnownPrimitives', () => {
  it('names what the vocabulary lacks', () => {
    const vocabulary = { attributes: ['red'], objects: ['hat'] };
    requireKnownPrimitives(pairCandidates([['red', 'hat']]), vocabulary);
    requireKnownPrimitives(pairCandidates([['Red', 'HAT ']]), vocabulary);
    assert.throws(() => {
      requireKnownPrimitives(pairCandidates([['hat', 'red']]), vocabulary);
    }, /attribute "hat", object "red"/);
    const many = Array.from({ length: 12 }, (_, index) => [`attribute ${index}`, 'hat']);
    assert.throws(() => {
      requireKnownPrimitives(pairCandidates(many), vocabulary);
    }, /and 2 more/);
  });
});
