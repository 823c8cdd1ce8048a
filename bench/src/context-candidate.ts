import type { Wording } from './context-wording.js';
import type { QueryKind } from './query-set.js';
import type { Verdict } from './spatial-relations.js';
import type { Thing } from './thing.js';

export type ContextKind = Exclude<QueryKind, 'class' | 'reasoning' | 'absent'>;

/** A question that a photo could be asked, before it has its words. */
export interface Candidate {
  readonly kind: ContextKind;
  readonly wording: Wording;
  /** Class of what is asked for. */
  readonly head: string;
  /** Classes of the other things. */
  readonly others?: readonly string[];
  /** Before the first of the others. */
  readonly article?: 'a' | 'the';
  readonly words?: Readonly<Record<string, string>>;
  readonly targets: readonly Thing[];
  /** Inconspicuous things that one may count or not. */
  readonly ignored?: readonly Thing[];
  /** Whether the relation tells no thing of the class from another. */
  readonly isIndistinct?: boolean;
}

/** The things of one class in a photo. */
export interface ClassThings {
  readonly name: string;
  readonly things: readonly Thing[];
}

/** A plain thing that is the only one of its class. */
export interface Anchor {
  readonly name: string;
  readonly thing: Thing;
}

/** The thing that a rule finds, if it finds the same one among all things and among the plain ones. */
export function agreed(
  things: readonly Thing[],
  rule: (things: readonly Thing[]) => Thing | undefined,
): Thing | undefined {
  const found = rule(things);
  return found?.isPlain && found === rule(things.filter(({ isPlain }) => isPlain)) ? found : undefined;
}

/** The things for which something holds; nothing where that is unclear for a plain one. */
export function holding(
  things: readonly Thing[],
  judge: (thing: Thing) => Verdict,
): { readonly targets: readonly Thing[]; readonly ignored: readonly Thing[] } | undefined {
  const verdicts = new Map(things.map((thing) => [thing, judge(thing)]));
  if (things.some((thing) => thing.isPlain && verdicts.get(thing) === 'unclear')) return undefined;
  return {
    targets: things.filter((thing) => thing.isPlain && verdicts.get(thing) === 'yes'),
    ignored: things.filter((thing) => !thing.isPlain && verdicts.get(thing) !== 'no'),
  };
}

/** A question with one target, if there is one. */
export function singular(question: Omit<Candidate, 'targets'>, target: Thing | undefined): Candidate[] {
  return target === undefined ? [] : [{ ...question, targets: [target] }];
}
