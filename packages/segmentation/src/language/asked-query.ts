import type { Warning } from '@tessera/contracts';
import { isNegated, queryParts, withNoun, type QueryParts } from './query-parts.js';
import type { Reading } from './reading.js';
import type { SentenceReader } from './sentence-reader.js';

/** A query as the answers that its own is made of. */
export interface AskedQuery {
  /** Their answers together are the query's: the query itself, unless it joins several things or leaves some out. */
  readonly asked: readonly Reading[];
  /** Objects that answer these are not among the query's. */
  readonly leftOut: readonly Reading[];
}

/**
 * What queries ask for. One that joins several things, "the cat and the dog", is answered by the answers to each. One that
 * leaves out some objects of a class, "everyone except the man on the left", is answered by all without those that answer
 * "the man on the left". Both only where the reader understands the parts; else the query is read as a whole, or refused
 * when it asks to leave out what cannot be told.
 *
 * @param classNames - by class index
 */
export async function readQueries(
  reader: SentenceReader,
  queries: readonly string[],
  classNames: readonly string[],
  signal?: AbortSignal,
): Promise<AskedQuery[]> {
  const split = queries.map((query) => ({ query, parts: queryParts(query) }));
  const readings = new Map<string, Reading>();
  const read = async (texts: readonly string[]): Promise<void> => {
    for (const reading of await reader.read(texts, signal)) readings.set(reading.query, reading);
  };
  const readingsOf = (texts: readonly string[]): Reading[] => texts.flatMap((text) => readings.get(text) ?? []);
  const textsOf = (parts: QueryParts | undefined): string[] => [...(parts?.asked ?? []), ...(parts?.leftOut ?? [])];
  await read(split.flatMap(({ query, parts }) => [query, ...textsOf(parts)]));
  const named = split.map(({ query, parts }) => {
    if (parts === undefined) return { query, parts };
    return { query, parts: withNouns(parts, readings, classNames) };
  });
  await read(named.flatMap(({ parts }) => textsOf(parts)));
  return named.flatMap(({ query, parts }): AskedQuery[] => {
    const [whole] = readingsOf([query]);
    if (whole === undefined) return [];
    if (parts === undefined) return [alone(whole)];
    const [asked, leftOut] = [readingsOf(parts.asked), readingsOf(parts.leftOut)];
    if (leftOut.length > 0) return [withoutSome(whole, asked, leftOut) ?? alone(whole, parts.exclusion)];
    return [isJoin(whole, asked, parts.endsWithComma) ? { asked, leftOut } : alone(withUnknown(whole, asked))];
  });
}

/** A query that is read as a whole; one that asks to leave out what was not read of it is refused. */
function alone(whole: Reading, exclusion?: string): AskedQuery {
  const isRead = !whole.isAnswerable || whole.excluded.length > 0;
  const words = exclusion ?? (isNegated(whole.query) ? whole.query : undefined);
  if (isRead || words === undefined) return { asked: [whole], leftOut: [] };
  const warnings: readonly Warning[] = [{ code: 'negation', words: [words] }];
  return { asked: [{ ...whole, classes: [], isAnswerable: false, warnings }], leftOut: [] };
}

/** A query whose other parts are answered warns of those that are not: "the suit and the tie". */
function withUnknown(whole: Reading, parts: readonly Reading[]): Reading {
  const unknown = parts.filter(({ isAnswerable, colours }) => !isAnswerable && colours.length === 0);
  const isPlain = whole.isAnswerable && !whole.isDescription && unknown.length < parts.length;
  if (!isPlain || unknown.length === 0) return whole;
  const ignored = unknown.map(({ query }) => query).filter((text) => !isNamedIn(whole.warnings, text));
  if (ignored.length === 0) return whole;
  return { ...whole, warnings: [...whole.warnings, { code: 'ignored_words', words: ignored }] };
}

function isNamedIn(warnings: readonly Warning[], text: string): boolean {
  return warnings.some(({ words }) => words.some((word) => text.includes(word)));
}

/** The parts with the noun that they are short for: that of the first one with a single class. */
function withNouns(
  { asked, leftOut, ...rest }: QueryParts,
  readings: ReadonlyMap<string, Reading>,
  classNames: readonly string[],
): QueryParts {
  const isRead = (text: string): boolean => readings.get(text)?.isAnswerable === true;
  const named = asked.map((text) => (isRead(text) ? (readings.get(text)?.classes ?? []) : []));
  const [classIndex] = named.find((classes) => classes.length === 1) ?? [];
  const noun = classIndex === undefined ? undefined : classNames[classIndex];
  const complete = (text: string): string => (noun === undefined ? text : withNoun(text, noun, isRead(text)));
  return { ...rest, asked: asked.map(complete), leftOut: leftOut.map(complete) };
}

/** A query for some things without others; nothing if it is not read so. */
function withoutSome(whole: Reading, asked: readonly Reading[], leftOut: readonly Reading[]): AskedQuery | undefined {
  if (![...asked, ...leftOut].every(({ isAnswerable }) => isAnswerable)) return undefined;
  const askedClasses = new Set(asked.flatMap(({ classes }) => classes));
  // Things of other classes are not among what is asked for: "ties but not people".
  const among = leftOut.filter(({ classes }) => classes.some((index) => askedClasses.has(index)));
  const leftOutClasses = new Set(among.flatMap(({ classes }) => classes));
  const isWithin = [...askedClasses].every((index) => leftOutClasses.has(index));
  const isOfClasses = among.every(
    ({ colours, references, depth, quantity, isDescription }) =>
      !isDescription &&
      colours.length === 0 &&
      references.length === 0 &&
      depth === undefined &&
      quantity.count === undefined,
  );
  const others = (classes: readonly number[]) => classes.filter((index) => !leftOutClasses.has(index));
  // "Everything" says more in its sentence than alone.
  if (whole.excluded.length > 0 && whole.classes.length > others([...askedClasses]).length) return undefined;
  if (isWithin || !isOfClasses || among.length === 0) return { asked, leftOut: among };
  // Whole classes are left out of a larger set: "all animals except the dogs".
  const rest = asked.map((own) => ({ ...own, classes: others(own.classes), excluded: [...leftOutClasses] }));
  return { asked: rest.filter(({ classes }) => classes.length > 0), leftOut: [] };
}

/**
 * Whether a query asks for each of its parts, and not for one that is related to another: "the dog with the cat and the
 * bird". Where a part has such a relation, or words that were not understood, those after it are asked for only if the
 * whole is read so. Behind a comma alone may stand what says more about the same things.
 */
function isJoin(whole: Reading, parts: readonly Reading[], endsWithComma: boolean): boolean {
  const named = parts.flatMap(({ classes }) => classes);
  const covered = new Set(named);
  if (endsWithComma && covered.size < named.length) return false;
  const isFree = ({ references, warnings }: Reading): boolean =>
    references.length === 0 && warnings.every(({ code }) => code !== 'ignored_words');
  if (!parts.every(({ isAnswerable }) => isAnswerable)) return false;
  if (parts.slice(0, -1).every(isFree)) return true;
  return (
    whole.classes.every((index) => covered.has(index)) &&
    parts.every(
      ({ classes }, place) =>
        parts.slice(0, place).every(isFree) || classes.some((index) => whole.classes.includes(index)),
    )
  );
}
