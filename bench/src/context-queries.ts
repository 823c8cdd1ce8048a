import { combinedQuestions, orderQuestions, positionQuestions, sizeQuestions } from './arrangement-questions.js';
import type { Candidate, ClassThings, ContextKind } from './context-candidate.js';
import { nounFor, say, type Noun } from './context-wording.js';
import type { Query } from './query-set.js';
import {
  betweenQuestions,
  missingThingQuestions,
  relationQuestions,
  relationToAnyQuestions,
} from './relation-questions.js';
import type { SeededRandom } from './seeded-random.js';
import type { Thing } from './thing.js';

const maximumPerPhoto: Readonly<Record<ContextKind, number>> = {
  position: 3,
  size: 3,
  ordinal: 4,
  relation: 8,
  combination: 3,
  context_absent: 3,
};

/** How many of a photo's relations may hold for all things of their class. */
const maximumIndistinct = 2;

/** How often a photo's queries may be about the same class. */
const maximumPerHead = 9;

/** Words with one form for one and several. */
const uncountable = new Set(['skis', 'scissors', 'sheep']);

/** The things of a photo by class, and the classes that it certainly does not show. */
export interface SceneThings {
  readonly classes: readonly ClassThings[];
  readonly absent: readonly string[];
}

/**
 * Queries whose answer depends on where things are, how large, in which order and beside what. A target is clear by
 * margins, and it is the same whether the photo's inconspicuous things are counted or not, or these are not judged.
 */
export function contextQueries({ classes, absent }: SceneThings, random: SeededRandom): Query[] {
  const countable = classes.filter(({ name }) => !uncountable.has(name));
  const missing = absent.filter((name) => !uncountable.has(name));
  const anchors = countable.flatMap(({ name, things: [thing, ...others] }) =>
    thing?.isPlain && others.length === 0 ? [{ name, thing }] : [],
  );
  const candidates = [
    ...countable.flatMap((head) => [
      ...positionQuestions(head),
      ...sizeQuestions(head),
      ...orderQuestions(head),
      ...combinedQuestions(head, anchors),
      ...relationQuestions(head, anchors),
      ...relationToAnyQuestions(head, countable),
      ...betweenQuestions(head, anchors, countable),
    ]),
    ...missingThingQuestions(countable, anchors, missing, random),
  ];
  const nouns = new Map<string, Noun>();
  return choose(candidates, random).map((candidate) => inWords(candidate, nouns, random));
}

/** A photo's queries call the same class by the same noun. */
function inWords(candidate: Candidate, nouns: Map<string, Noun>, random: SeededRandom): Query {
  const noun = (name: string): Noun => {
    const known = nouns.get(name) ?? nounFor(name, random);
    nouns.set(name, known);
    return known;
  };
  const { kind, wording, head, others = [], article = 'the', words = {}, targets, ignored = [] } = candidate;
  const { one: h, many: hs } = noun(head);
  const [first, second] = others.map(noun);
  const a = first && `${article} ${first.one}`.replace(/^a (?=[aeiou])/, 'an ');
  const named = {
    h,
    hs,
    ...(first && a ? { a, as: first.many } : {}),
    ...(second ? { b: `the ${second.one}` } : {}),
    ...words,
  };
  const ids = (things: readonly Thing[]): number[] => things.map(({ id }) => id);
  return { text: say(wording, named, random), kind, set: 'context', annotations: ids(targets), ignored: ids(ignored) };
}

/** Draws up to the maximum of each kind, as different from each other as the photo allows. */
function choose(candidates: readonly Candidate[], random: SeededRandom): Candidate[] {
  const perHead = new Map<string, number>();
  return Object.entries(maximumPerPhoto).flatMap(([kind, maximum]) => {
    const shuffled = random.sample(
      candidates.filter((candidate) => candidate.kind === kind),
      candidates.length,
    );
    const chosen: Candidate[] = [];
    for (const isRepetition of [sharesWordingOrTargets, sharesQuestion]) {
      for (const candidate of shuffled) {
        const sameHead = perHead.get(candidate.head) ?? 0;
        const indistinct = chosen.filter(({ isIndistinct }) => isIndistinct).length;
        if (chosen.length >= maximum || sameHead >= maximumPerHead) continue;
        if (candidate.isIndistinct && indistinct >= maximumIndistinct) continue;
        if (chosen.some((other) => isRepetition(other, candidate))) continue;
        chosen.push(candidate);
        perHead.set(candidate.head, sameHead + 1);
      }
    }
    return chosen;
  });
}

function sharesWordingOrTargets(one: Candidate, other: Candidate): boolean {
  const hasSameTargets =
    one.targets.length === other.targets.length && one.targets.every((thing) => other.targets.includes(thing));
  return one.wording === other.wording || (one.targets.length > 0 && hasSameTargets);
}

function sharesQuestion(one: Candidate, other: Candidate): boolean {
  if (one.kind === 'context_absent') return one.wording === other.wording;
  const words = ({ wording, head, words, others }: Candidate): string => JSON.stringify([wording, head, words, others]);
  return words(one) === words(other);
}
