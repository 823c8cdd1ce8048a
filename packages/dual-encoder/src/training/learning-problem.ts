import {
  checkLength,
  checkName,
  closedWorld,
  compositionAt,
  compositionKey,
  NameIndex,
  objectOf,
  type CandidateSet,
  type Composition,
} from '@tessera/composition';
import { TesseraError, type ExampleSet } from '@tessera/contracts';
import { splitOrder } from './training-random.js';
import type { TrainingExample } from './training.js';

/** Which examples are learnt from and which ones measure the result; both are indices of examples. */
export interface ExampleSplit {
  readonly fit: readonly number[];
  readonly validation: readonly number[];
}

/** A split with everything that follows from it. */
export interface LearningProblem extends ExampleSplit {
  /** Of the examples that are learnt from, sorted. */
  readonly attributes: readonly string[];
  /** Of the examples that are learnt from, sorted. */
  readonly objects: readonly string[];
  /** Of the examples that are learnt from. */
  readonly seenPairs: readonly Composition[];
  /** Which seen pair each example of `fit` shows. */
  readonly labels: readonly number[];
  /** The seen pairs and those of the validation examples. */
  readonly candidates: CandidateSet;
  /** Which candidate each example of `validation` shows. */
  readonly truths: readonly number[];
}

/** Of the pairs and of each pair's images, the share that is held out. */
const heldOutShare = 0.2;

/** The composition that an example shows. */
export function compositionOf({ attributes, object }: TrainingExample): Composition {
  return [...attributes, object];
}

/**
 * @throws TesseraError `TSR_VALIDATION` for names that cannot be used, `TSR_TRAINING_SET_INVALID` when there are fewer than
 * two different pairs to learn
 */
export function checkExamples(examples: readonly TrainingExample[]): void {
  const pairs = new Set<string>();
  for (const [index, example] of examples.entries()) {
    const composition = compositionOf(example);
    checkLength(composition, `/examples/${index}`);
    for (const [position, name] of example.attributes.entries()) {
      checkName(name, `/examples/${index}/attributes/${position}`);
    }
    checkName(example.object, `/examples/${index}/object`);
    if (isForTraining(example)) pairs.add(compositionKey(composition));
  }
  if (pairs.size >= 2) return;
  throw new TesseraError(
    'TSR_TRAINING_SET_INVALID',
    `The examples of the set "train" show ${pairs.size} different pairs; soft prompts need at least two to tell apart.`,
    { fields: [{ pointer: '/examples', message: 'must show at least two different pairs' }] },
  );
}

/** The examples with each attribute and object as it was first spelled: spellings of one name are one primitive. */
export function withFirstSpellings(examples: readonly TrainingExample[]): TrainingExample[] {
  const [attributes, objects] = [new NameIndex(), new NameIndex()];
  return examples.map((example) => ({
    ...example,
    attributes: example.attributes.map((name) => attributes.firstSpelling(name)),
    object: objects.firstSpelling(example.object),
  }));
}

/** The examples' own split: those of the set `train` and those of the set `val`. */
export function givenSplit(examples: readonly TrainingExample[]): ExampleSplit {
  const indexesOf = (wanted: ExampleSet): number[] =>
    examples.flatMap(({ set = 'train' }, index) => (set === wanted ? [index] : []));
  return { fit: indexesOf('train'), validation: indexesOf('val') };
}

/**
 * Holds out a fifth of the training examples: of some pairs all images, as long as other pairs show their attributes and
 * object, and of each other pair some images.
 */
export function heldOutSplit(examples: readonly TrainingExample[], seed: number): ExampleSplit {
  const imagesOf = new Map<string, number[]>();
  for (const [index, example] of examples.entries()) {
    if (!isForTraining(example)) continue;
    const key = compositionKey(compositionOf(example));
    imagesOf.set(key, [...(imagesOf.get(key) ?? []), index]);
  }
  const keys = [...imagesOf.keys()].sort();
  const heldOut = dispensablePairs(keys, seed);
  const fit: number[] = [];
  const validation: number[] = [];
  for (const [number, key] of keys.entries()) {
    const images = imagesOf.get(key) ?? [];
    const held = heldOut.has(key) ? images.length : Math.floor(heldOutShare * images.length);
    for (const [rank, place] of splitOrder(seed, number + 1, images.length).entries()) {
      (rank < held ? validation : fit).push(images[place] ?? 0);
    }
  }
  return { fit: ascending(fit), validation: ascending(validation) };
}

/** Works out names, labels and candidates of a split. */
export function learningProblem(
  examples: readonly TrainingExample[],
  { fit, validation }: ExampleSplit,
): LearningProblem {
  const compositions = examples.map(compositionOf);
  const at = (index: number): Composition => compositions[index] ?? [];
  const seen = new Map(fit.map((index) => [compositionKey(at(index)), at(index)]));
  const seenPairs = [...seen.keys()].sort().map((key) => seen.get(key) ?? []);
  // They begin with the seen pairs, in their order.
  const candidates = closedWorld(seenPairs, validation.map(at));
  const places = new Map(
    Array.from({ length: candidates.count }, (_, index) => [compositionKey(compositionAt(candidates, index)), index]),
  );
  const candidateOf = (index: number): number => places.get(compositionKey(at(index))) ?? 0;
  return {
    fit,
    validation,
    attributes: sortedNames(seenPairs.flatMap((pair) => pair.slice(0, -1))),
    objects: sortedNames(seenPairs.map(objectOf)),
    seenPairs,
    labels: fit.map(candidateOf),
    candidates,
    truths: validation.map(candidateOf),
  };
}

/** A fifth of the pairs, such that the others have every attribute and object that these have. */
function dispensablePairs(keys: readonly string[], seed: number): Set<string> {
  const uses = new Map<string, number>();
  for (const primitive of keys.flatMap(primitivesOf)) uses.set(primitive, (uses.get(primitive) ?? 0) + 1);
  const heldOut = new Set<string>();
  for (const place of splitOrder(seed, 0, keys.length)) {
    if (heldOut.size >= Math.floor(heldOutShare * keys.length)) break;
    const key = keys[place] ?? '';
    const primitives = primitivesOf(key);
    if (primitives.some((primitive) => (uses.get(primitive) ?? 0) < 2)) continue;
    for (const primitive of primitives) uses.set(primitive, (uses.get(primitive) ?? 0) - 1);
    heldOut.add(key);
  }
  return heldOut;
}

/** The names of a composition's key, each once, with their role: a word may be an attribute here and an object there. */
function primitivesOf(key: string): string[] {
  const names = key.split('\0');
  return [...new Set(names.map((name, place) => `${place === names.length - 1 ? 'object' : 'attribute'} ${name}`))];
}

function isForTraining({ set = 'train' }: TrainingExample): boolean {
  return set === 'train';
}

function sortedNames(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function ascending(indexes: readonly number[]): number[] {
  return [...indexes].sort((left, right) => left - right);
}
