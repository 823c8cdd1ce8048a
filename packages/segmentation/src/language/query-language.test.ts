import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PhraseLexicon } from './phrase-lexicon.js';
import { parseQuery } from './query-parser.js';

const animals = ['cat', 'dog', 'sheep'];
const names = ['person', 'cat', 'dog', 'cup', 'laptop', 'couch', 'sheep', 'pizza', 'scissors', 'chair', 'car'];
const synonyms: Readonly<Record<string, string[]>> = {
  person: ['man'],
  couch: ['sofa'],
  scissors: ['pair of scissors'],
};
const lexicon = new PhraseLexicon(
  names.map((name) => ({
    name,
    synonyms: synonyms[name] ?? [],
    broader: animals.includes(name) ? ['animal'] : [],
    descriptions: [],
  })),
);

const parse = (query: string) => parseQuery(query, lexicon);
const namesOf = (classes: readonly number[]) => classes.map((index) => names[index]);

describe('parseQuery reads how many objects are asked for', () => {
  for (const [query, quantity] of [
    ['the dog', { isPlural: false }],
    ['a dog', { isPlural: false }],
    ['the dogs', { isPlural: true }],
    ['all the dogs', { isPlural: true }],
    ['every dog', { isPlural: true }],
    ['each of the dogs', { isPlural: true }],
    ['several dogs', { isPlural: true }],
    ['a group of people', { isPlural: true }],
    ['the dog and the cat', { isPlural: true }],
    ['the two dogs', { count: 2, countWord: 'two', isPlural: true }],
    ['both dogs', { count: 2, countWord: 'both', isPlural: true }],
    ['a couple of dogs', { count: 2, countWord: 'couple', isPlural: true }],
    ['3 dogs', { count: 3, countWord: '3', isPlural: true }],
    ['the three largest dogs', { count: 3, countWord: 'three', isPlural: true }],
    ['two slices of pizza', { count: 2, countWord: 'two', isPlural: true }],
    ['three of the people', { count: 3, countWord: 'three', isPlural: true }],
    ['a dozen cups', { count: 12, countWord: 'dozen', isPlural: true }],
    ['one of the dogs', { count: 1, isPlural: false }],
    ['a single dog', { isPlural: false }],
    ['the second dog from the left', { count: 1, isPlural: false }],
    ['the 2nd dog from the left', { count: 1, isPlural: false }],
    ['number two of the dogs from the left', { isPlural: false }],
    ['the bigger of the two dogs', { isPlural: false }],
    ['of the two biggest dogs, the one on the left', { count: 1, isPlural: false }],
    ['out of the dogs, the largest', { isPlural: false }],
    ['out of all the dogs, the largest dog', { isPlural: false }],
    ['among the dogs, the one nearest to the cup', { count: 1, isPlural: false }],
    ['the smallest among all the dogs', { isPlural: false }],
    ['the larger of the pair of dogs', { isPlural: false }],
    ['every one of the four dogs', { count: 4, countWord: 'four', isPlural: true }],
    ['any one of the dogs', { count: 1, isPlural: false }],
    ['the dogs, both of them', { isPlural: true }],
    ['more than one dog', { isPlural: true }],
    ['at least two dogs', { isPlural: true }],
    ['dog no. 2 from the left', { isPlural: false }],
    ['the sheep', {}],
    ['the pair of scissors', {}],
    ['something to sit on', {}],
  ] as const) {
    it(JSON.stringify(query), () => {
      assert.deepEqual(parse(query).quantity, quantity);
    });
  }
});

describe('parseQuery takes excluded classes out', () => {
  for (const [query, expected, text] of [
    ['all animals except the dogs', ['cat', 'sheep'], 'all animals'],
    ['the animals, but not the cat', ['dog', 'sheep'], 'the animals'],
    ['animals other than dogs and cats', ['sheep'], 'animals'],
    ['the dogs, not the cats', ['dog'], 'the dogs'],
    ['all animals but the dogs', ['cat', 'sheep'], 'all animals'],
  ] as const) {
    it(JSON.stringify(query), () => {
      const parsed = parse(query);
      assert.deepEqual(namesOf(parsed.classes), expected);
      assert.deepEqual(parsed.refusedWords, []);
      assert.deepEqual(parsed.modifierWords, []);
      assert.equal(parsed.text, text);
    });
  }
});

describe('parseQuery refuses exclusions that it cannot follow', () => {
  for (const [query, words] of [
    ['the chair without a person', ['without']],
    ['not the dog', ['not']],
    ['no dogs', ['no']],
    ['everything except the dog', ['except']],
    ['the dogs except the dogs', ['except']],
    ['the dogs except the one on the left', ['except']],
    ['people other than the man on the left', ['other than']],
    ['the cars that are not red', ['not']],
    ["the person who isn't on the sofa", ['isnt']],
    ['a couch with no cat', ['no']],
    ['none of the dogs', ['none']],
    ['all but the largest dog', ['but']],
    ['every dog but the one on the left', ['but']],
  ] as const) {
    it(JSON.stringify(query), () => {
      assert.deepEqual(parse(query).refusedWords, words);
    });
  }
});

describe('parseQuery finds what else is named', () => {
  for (const [query, head, others] of [
    ['the cup next to the laptop', ['cup'], [['laptop']]],
    ['the cup between the laptop and the man', ['cup'], [['laptop'], ['person']]],
    ["the person on the cat's left", ['person'], [['cat']]],
    ['next to the laptop there is a cup', ['cup'], [['laptop']]],
    ['the cup directly beside the laptop', ['cup'], [['laptop']]],
    ['the dog, lying on the sofa', ['dog'], [['couch']]],
    ['the dog left of all other dogs', ['dog'], []],
    ['on the sofa, the dog', ['dog'], [['couch']]],
    ['between the laptop and the man, the cup', ['cup'], [['laptop'], ['person']]],
    ['the cup with a laptop behind it', ['cup'], [['laptop']]],
    ['the dog with two cups around it', ['dog'], [['cup']]],
    ['who is holding the cup?', ['person'], [['cup']]],
    ['whoever sits on the sofa', ['person'], [['couch']]],
    ['the bottom one out of the two biggest cups', ['cup'], []],
    ['pick the dog somewhere behind the man', ['dog'], [['person']]],
    ['pick up a cup with it', [], []],
    ['something the dog likes', [], []],
  ] as const) {
    it(JSON.stringify(query), () => {
      const { classes, referenceObjects } = parse(query);
      assert.deepEqual([namesOf(classes), referenceObjects.map(namesOf)], [head, others]);
    });
  }
});

describe('parseQuery reads several sentences and polite requests', () => {
  for (const [query, head, text] of [
    ['The dog. It is on the left.', ['dog'], 'the dog it is on the left'],
    ['I love this photo. Please find the second cat!', ['cat'], 'the second cat i love this photo'],
    ['What a day! There is a cup on the sofa.', ['cup'], 'a cup on the sofa what a day'],
    ['Could you cut out the smaller dog?', ['dog'], 'the smaller dog'],
    ['Where is the smaller dog?', ['dog'], 'the smaller dog'],
    ['Pick the dog in the second spot.', ['dog'], 'the dog in the second spot'],
    ['I would like a mask of the 2 cups', ['cup'], 'the two cups'],
    ['What is the dog doing?', ['dog'], 'the dog doing'],
    ['SHOW ME:\nTHE DOG', ['dog'], 'the dog show me:'],
  ] as const) {
    it(JSON.stringify(query), () => {
      const parsed = parse(query);
      assert.deepEqual([namesOf(parsed.classes), parsed.text], [head, text]);
    });
  }
});

describe('parseQuery says that signs are no words', () => {
  for (const query of ['🐶 🐶', '…?!', '= = =']) {
    it(JSON.stringify(query), () => {
      const { classes, unknownWords } = parse(query);
      assert.deepEqual([classes, unknownWords], [[], [...new Set(query.split(' '))]]);
    });
  }
});
