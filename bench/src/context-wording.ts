import type { SeededRandom } from './seeded-random.js';

/** Plurals that do not follow the rule. */
const irregularPlurals: Readonly<Record<string, string>> = {
  person: 'people',
  sheep: 'sheep',
  knife: 'knives',
  mouse: 'mice',
  bus: 'buses',
  bench: 'benches',
  couch: 'couches',
  sandwich: 'sandwiches',
  toothbrush: 'toothbrushes',
  'wine glass': 'wine glasses',
  skis: 'skis',
  scissors: 'scissors',
  broccoli: 'broccoli pieces',
};

/** What people say instead of a class's name. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  'dining table': ['table'],
  'potted plant': ['plant', 'potted plant'],
  'cell phone': ['phone', 'cell phone', 'mobile phone'],
  tv: ['tv', 'television'],
  couch: ['couch', 'sofa'],
  airplane: ['airplane', 'plane'],
  bicycle: ['bicycle', 'bike'],
  motorcycle: ['motorcycle', 'motorbike'],
  refrigerator: ['refrigerator', 'fridge'],
  'sports ball': ['ball'],
  remote: ['remote control', 'remote'],
};

/** A noun for a class, drawn once and used for both numbers. */
export interface Noun {
  readonly one: string;
  readonly many: string;
}

export function nounFor(className: string, random: SeededRandom): Noun {
  const one = random.pick(otherNames[className] ?? [className]);
  return { one, many: irregularPlurals[one] ?? `${one}s` };
}

/**
 * The words of every kind of question: {h} the thing asked for, {hs} several of it, {a} and {b} other things with their
 * articles, {as} several of the first, {side} and {upper} sides, {nth} a number of order. They were written without a look
 * at the phrasings that the reasoner is trained on; those have since been extended where it failed on training photos.
 */
const wordings = {
  'left of': [
    'the {h} to the left of {a}',
    'the {h} left of {a}',
    'the {h} further left than {a}',
    'which {h} is to the left of {a}',
    "the {h} on {a}'s left in the photo",
  ],
  'right of': [
    'the {h} to the right of {a}',
    'the {h} right of {a}',
    'the {h} further right than {a}',
    'which {h} is to the right of {a}',
    "the {h} on {a}'s right in the photo",
  ],
  above: ['the {h} above {a}', 'the {h} right above {a}', 'the {h} higher up than {a}'],
  below: ['the {h} below {a}', 'the {h} underneath {a}', 'the {h} lower down than {a}'],
  'next to': [
    'the {h} next to {a}',
    'the {h} directly beside {a}',
    'the {h} by the side of {a}',
    'the {h} alongside {a}',
  ],
  on: ['the {h} on {a}', 'the {h} on top of {a}', 'which {h} is on {a}', 'the {h} that is up on {a}'],
  with: ['the {h} with {a}', 'the {h} who has {a}', 'the {h} carrying or wearing {a}'],
  'many left of': ['the {hs} to the left of {a}', 'every {h} left of {a}', 'all {hs} further left than {a}'],
  'many right of': ['the {hs} to the right of {a}', 'every {h} right of {a}', 'all {hs} further right than {a}'],
  'many above': ['the {hs} above {a}', 'all {hs} that are higher up than {a}'],
  'many below': ['the {hs} below {a}', 'all {hs} that are underneath {a}'],
  'many next to': ['the {hs} next to {a}', 'all {hs} right beside {a}'],
  'many on': ['the {hs} on {a}', 'all {hs} that are on {a}', 'whichever {hs} are on top of {a}'],
  'many with': ['the {hs} with {a}'],
  closest: [
    'the {h} closest to {a}',
    'the {h} nearest to {a}',
    'which {h} is nearest to {a}',
    'out of the {hs}, the one that is closest to {a}',
  ],
  farthest: [
    'the {h} farthest from {a}',
    'the {h} that is furthest away from {a}',
    'out of the {hs}, the one at the greatest distance from {a}',
  ],
  between: [
    'the {h} between {a} and {b}',
    'the {h} that is in between {a} and {b}',
    'the {h} with {a} on one side and {b} on the other',
  ],
  'between two': ['the {h} between the two {as}', 'the {h} with {as} on both sides', 'the {h} flanked by the two {as}'],
  ordinal: [
    'the {nth} {h} from the {side}',
    'the {nth} {h} counted from the {side}',
    'the {h} that comes {nth} from the {side}',
    'the {h} in {nth} place from the {side}',
    'the {nth} of the {hs}, starting at the {side}',
  ],
  left: [
    'the leftmost {h}',
    'the {h} on the far left',
    'the {h} farthest to the left',
    'the {h} left of all the other {hs}',
  ],
  right: [
    'the rightmost {h}',
    'the {h} on the far right',
    'the {h} farthest to the right',
    'the {h} right of all the other {hs}',
  ],
  top: ['the topmost {h}', 'the {h} highest up in the photo', 'the {h} closest to the top edge'],
  bottom: ['the {h} lowest in the photo', 'the {h} nearest to the bottom edge', 'the bottommost {h}'],
  middle: ['the {h} in the middle', 'the middle one of the three {hs}', 'the {h} in the centre, between the other two'],
  corner: [
    'the {h} at the {upper} {side}',
    'the {h} in the {upper} {side} part of the photo',
    'the {h} over in the {upper} {side} quarter',
  ],
  half: [
    'the {hs} in the {side} half of the photo',
    'every {h} on the {side} side of the picture',
    'all {hs} over on the {side} half',
  ],
  largest: [
    'the biggest {h}',
    'the {h} that looks the largest',
    'the {h} covering the largest area',
    'out of the {hs}, the largest',
  ],
  smallest: [
    'the smallest {h}',
    'the {h} that looks the tiniest',
    'the {h} covering the smallest area',
    'out of the {hs}, the smallest',
  ],
  larger: ['the bigger of the two {hs}', 'the larger {h}', 'the {h} that is bigger than the other one'],
  smaller: ['the smaller of the two {hs}', 'the smaller {h}', 'the {h} that is smaller than the other one'],
  'second largest': ['the second biggest {h}', 'the second largest of the {hs}'],
  'two largest': ['the two biggest {hs}', 'the two {hs} that look the largest'],
  'largest in half': ['the biggest {h} in the {side} half', 'the largest of the {hs} on the {side}'],
  'smallest in half': ['the smallest {h} in the {side} half', 'the smallest of the {hs} on the {side}'],
  'largest beside': ['the biggest {h} {side} of {a}', 'the largest of the {hs} to the {side} of {a}'],
  'smallest beside': ['the smallest {h} {side} of {a}', 'the smallest of the {hs} to the {side} of {a}'],
  'beside the largest': ['the {h} {side} of the biggest {h}', 'the {h} to the {side} of the largest {h}'],
  'side of the two largest': [
    'of the two biggest {hs}, the one on the {side}',
    'the {side} one of the two largest {hs}',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Wording = keyof typeof wordings;

/** How a request may be put around the words; most have nothing around them. */
const frames = [
  ...Array.from({ length: 14 }, () => '{}'),
  'please outline {}',
  'could you cut out {}?',
  'I would like a mask of {}',
  'mark {}, please',
];

/** One way to say it. */
export function say(wording: Wording, words: Readonly<Record<string, string>>, random: SeededRandom): string {
  const text = random.pick(wordings[wording]).replaceAll(/\{(\w+)\}/g, (_, key: string) => {
    const word = words[key];
    if (word === undefined) throw new Error(`The wording "${wording}" lacks a word for {${key}}.`);
    return word;
  });
  if (text.startsWith('which ')) return `${text}?`;
  return text.startsWith('the ') ? random.pick(frames).replace('{}', text) : text;
}
