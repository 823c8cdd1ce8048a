import type { RegionReasonerSettings, Warning } from '@tessera/contracts';
import { finiteOutput, rowsOf, type Bundle, type HostTensor, type InferenceRunner } from '@tessera/inference';
import { colourNames } from '../vision/colour-names.js';
import type { WantedColour } from '../vision/colour-probability.js';
import { colourPlaces } from '../vision/colours.js';
import type { ClassSimilarity } from './class-similarity.js';
import { describedClasses } from './described-classes.js';
import type { Depth, Quantity, Reading } from './reading.js';
import { RememberedTexts } from './remembered-texts.js';
import { Spelling } from './spelling.js';
import { loadSubwordTokenizer, type SubwordTokenizer } from './subword-tokenizer.js';
import { tokenWords, type TokenWord } from './token-words.js';

/** In the order of the graph's outputs, as `training/tessera_reader/sentences.py` has them. */
const tags = ['used', 'kind', 'part', 'unknown', 'ignored', 'negation'] as const;
const namings = ['class', 'kind', 'part', 'unknown', 'description', 'nothing'] as const;
const depths: readonly (Depth | undefined)[] = [undefined, 'front', 'back'];
const [plural, many] = [11, 12] as const;
const slots = ['targets', 'first', 'second', 'excluded'] as const;

type Tag = (typeof tags)[number];
type Naming = (typeof namings)[number];

/** Tokens of a longer query are not read. */
const maximumTokens = 48;
const half = 0.5;

const tagsThatWarn = ['kind', 'part', 'unknown', 'ignored'] as const;

type ReaderSettings = Pick<
  RegionReasonerSettings,
  'reader_tokenizer' | 'reader_thresholds' | 'description_calibration'
>;

type Thresholds = ReaderSettings['reader_thresholds'];

const rememberedReadings = 1_000;

/** The bundle's graph `reader`, a language model that says what a sentence asks for. */
export class SentenceReader {
  readonly #bundle: string;
  readonly #runner: InferenceRunner;
  readonly #tokenizer: SubwordTokenizer;
  readonly #similarity: ClassSimilarity;
  readonly #settings: ReaderSettings;
  readonly #spelling: Spelling;
  readonly #remembered = new RememberedTexts<Reading>(rememberedReadings);

  private constructor(
    bundle: string,
    runner: InferenceRunner,
    tokenizer: SubwordTokenizer,
    similarity: ClassSimilarity,
    settings: ReaderSettings,
    classNames: readonly string[],
  ) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#tokenizer = tokenizer;
    this.#similarity = similarity;
    this.#settings = settings;
    this.#spelling = new Spelling(classNames, (word) => tokenizer.encode(` ${word}`).ids.length === 1);
  }

  /**
   * @param similarity - compares descriptions with the classes
   * @param classNames - by class index
   * @throws BundleError or Error when the tokenizer's file is missing or is not of its form
   */
  static async create(
    bundle: Bundle,
    runner: InferenceRunner,
    similarity: ClassSimilarity,
    settings: ReaderSettings,
    classNames: readonly string[],
  ): Promise<SentenceReader> {
    const tokenizer = await loadSubwordTokenizer(bundle, settings.reader_tokenizer);
    return new SentenceReader(bundle.manifest.name, runner, tokenizer, similarity, settings, classNames);
  }

  /** What the queries ask for; those that were read lately are not read again. */
  async read(queries: readonly string[], signal?: AbortSignal): Promise<Reading[]> {
    return await this.#remembered.of(queries, (unknown) => this.#readWithSlips(unknown, signal));
  }

  /** What cannot be answered as it was typed, but without slips of the fingers, is read without them, and says so. */
  async #readWithSlips(queries: readonly string[], signal: AbortSignal | undefined): Promise<Reading[]> {
    const readings = await this.#read(queries, signal);
    const respelled = readings.map(({ isAnswerable, query }) =>
      isAnswerable ? undefined : this.#spelling.correct(query),
    );
    const texts = respelled.flatMap((own) => own?.text ?? []);
    const again = await this.#remembered.of(texts, (unknown) => this.#read(unknown, signal));
    return readings.map((reading, index) => {
      const own = respelled[index];
      const better = again[texts.indexOf(own?.text ?? '')];
      if (own === undefined || better?.isAnswerable !== true) return reading;
      const warnings: Warning[] = [{ code: 'respelled', words: [...own.words] }, ...better.warnings];
      return { ...better, query: reading.query, respelled: own.text, warnings };
    });
  }

  /** All queries in one run; those that describe their object are compared with the classes in another one. */
  async #read(queries: readonly string[], signal: AbortSignal | undefined): Promise<Reading[]> {
    const sentences = queries.map((query) => this.#tokenize(query));
    const surer = sentences.map(({ query }) => surerForm(query));
    const again = [...new Set(surer)].flatMap((text) => (text === undefined ? [] : [this.#tokenize(text)]));
    const outputs = await this.#run([...sentences, ...again], signal);
    const { reader_thresholds: thresholds } = this.#settings;
    const described = queries.filter((_, index) => isDescriptionOf(outputs[index], thresholds));
    const descriptions = described.map((query) => query.toLowerCase());
    const similarities = await this.#similarity.of(descriptions, signal);
    return sentences.flatMap((sentence, index) => {
      const own = outputs[index];
      if (own === undefined) return [];
      const similarity = similarities[described.indexOf(sentence.query)];
      const targets = own.slots[0] ?? new Float32Array();
      const weights = similarity === undefined ? targets : describedClasses(targets, similarity, this.#settings);
      const reading = readingOf(sentence, own, weights, thresholds);
      const place = again.findIndex(({ query }) => query === surer[index]);
      const [form, outputsOfForm] = [again[place], outputs[sentences.length + place]];
      if (form === undefined || outputsOfForm === undefined) return [reading];
      return [withFurtherWarnings(reading, readingOf(form, outputsOfForm, weights, thresholds))];
    });
  }

  /** One row of outputs per sentence. */
  async #run(sentences: readonly Sentence[], signal: AbortSignal | undefined): Promise<ReaderOutputs[]> {
    if (sentences.length === 0) return [];
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle,
      graph: 'reader',
      feeds: feedsOf(sentences),
      fetch: ['classes', 'number', 'colours', 'names', 'depth', 'english', 'tags'],
      signal,
    });
    const rows = (name: string): readonly Float32Array[] => rowsOf(finiteOutput(outputs, name), sentences.length);
    const [classes, number, colours] = [rows('classes'), rows('number'), rows('colours')];
    const [names, depth, english, tagRows] = [rows('names'), rows('depth'), rows('english'), rows('tags')];
    const empty = new Float32Array();
    return sentences.map((_, index) => ({
      slots: rowsOf(classes[index] ?? empty, slots.length),
      number: number[index] ?? empty,
      colours: colours[index] ?? empty,
      names: names[index] ?? empty,
      depth: depth[index] ?? empty,
      english: english[index]?.[0] ?? 1,
      tags: tagRows[index] ?? empty,
    }));
  }

  #tokenize(query: string): Sentence {
    const text = query.normalize('NFKC').replaceAll(/\s+/gu, ' ').trim();
    const { ids, tokens } = this.#tokenizer.encode(` ${lowerCased(text)}`);
    return { query, words: tokenWords(text, tokens), ids: ids.slice(0, maximumTokens) };
  }
}

interface Sentence {
  readonly query: string;
  readonly words: readonly TokenWord[];
  readonly ids: readonly number[];
}

/** Longer texts are read as sentences, whatever they begin with. */
const mostBareWords = 3;

/** Words that a bare name does not begin with. */
const notBare =
  /^(?:the|this|that|these|those|all|both|each|every|any|no|what|which|who|whose|where|my|your|his|her|its|our|their)$/iu;

/** A verb behind its noun: the only form in which the model does not tell that it cannot use it. */
const verbAtEnd = /^((?:the|an?|all|all the|every|any)\s+)(.+?)\s+(\p{L}{3,}(?:ing|ed))$/iu;

/**
 * Another form of a query in which the model tells more surely which words it cannot use: bare names behind an article,
 * "women" and "a child" as "the women" and "the child"; verbs before their noun, "the person standing" as "the standing
 * person".
 *
 * @returns nothing for other queries
 */
function surerForm(query: string): string | undefined {
  const text = query.trim().replace(/[.!?]+$/u, '');
  if (verbAtEnd.test(text)) return text.replace(verbAtEnd, '$1$3 $2');
  const words = text.replace(/^(?:an?|some)\s+/iu, '').split(/\s+/u);
  return words.length > mostBareWords || notBare.test(words[0] ?? '') ? undefined : `the ${words.join(' ')}`;
}

/** What the reading of a query's other form warns of, too. */
function withFurtherWarnings(reading: Reading, { isAnswerable, warnings }: Reading): Reading {
  if (!reading.isAnswerable || !isAnswerable) return reading;
  const wordsOf = ({ words }: Warning) => words.flatMap((text) => text.split(' '));
  const known = new Set(reading.warnings.flatMap(wordsOf));
  const isNew = (warning: Warning) => wordsOf(warning).every((word) => !known.has(word));
  return { ...reading, warnings: [...reading.warnings, ...warnings.filter(isNew)] };
}

/**
 * A text in small letters but for the word “I”: they mean the same, and the model knows them best, `CUP` is three tokens to
 * it. Letters whose small form has another length in UTF-8 stay, so that tokens have their places in the text.
 */
function lowerCased(text: string): string {
  return text.replaceAll(/(?!\bI\b)\p{Lu}/gu, (letter) => {
    const small = letter.toLowerCase();
    return Buffer.byteLength(small) === Buffer.byteLength(letter) ? small : letter;
  });
}

/** One row of each output, as probabilities. */
interface ReaderOutputs {
  readonly slots: readonly Float32Array[];
  readonly number: Float32Array;
  readonly colours: Float32Array;
  readonly names: Float32Array;
  readonly depth: Float32Array;
  readonly english: number;
  readonly tags: Float32Array;
}

function feedsOf(sentences: readonly Sentence[]): Record<string, HostTensor> {
  const length = Math.max(1, ...sentences.map(({ ids }) => ids.length));
  const data = new BigInt64Array(sentences.length * length);
  for (const [row, { ids }] of sentences.entries()) {
    for (const [column, id] of ids.entries()) data[row * length + column] = BigInt(id);
  }
  const lengths = BigInt64Array.from(sentences, ({ ids }) => BigInt(ids.length));
  return {
    ids: { type: 'int64', dims: [sentences.length, length], data },
    lengths: { type: 'int64', dims: [sentences.length], data: lengths },
  };
}

function namingOf(outputs: ReaderOutputs | undefined): Naming {
  return namings[argmax(outputs?.names ?? [])] ?? 'nothing';
}

/** Whether a sentence describes what it asks for: “an animal with a trunk”, but not “a creature”. */
function isDescriptionOf(outputs: ReaderOutputs | undefined, { described_classes: most }: Thresholds): boolean {
  const expectedClasses = outputs?.slots[0]?.reduce((sum, own) => sum + own, 0) ?? 0;
  return namingOf(outputs) === 'description' && expectedClasses <= most;
}

/** @param targets - of each class the probability that it is asked for */
function readingOf(sentence: Sentence, outputs: ReaderOutputs, targets: Float32Array, thresholds: Thresholds): Reading {
  const [, first, second, excluded] = outputs.slots;
  const naming = namingOf(outputs);
  const words = new TaggedWords(sentence, outputs.tags, thresholds.ignored);
  const isDescription = isDescriptionOf(outputs, thresholds);
  const excludedClasses = classesOf(excluded, thresholds.excluded);
  const targetClasses = classesOf(targets, isDescription ? thresholds.described : thresholds.named);
  const kept = targetClasses.filter((index) => !excludedClasses.includes(index));
  const classes = kept.length > 0 ? kept : targetClasses; // nobody asks for a class without that class
  const isEnglish = outputs.english >= thresholds.english;
  const refusal = refusalOf(words, { naming, isEnglish, hasClasses: classes.length > 0 });
  return {
    query: sentence.query,
    classWeights: targets,
    classes: refusal === undefined ? classes : [],
    references: [first, second].map((slot) => classesOf(slot, thresholds.referred)).filter((own) => own.length > 0),
    excluded: kept.length > 0 ? excludedClasses : [],
    isDescription,
    colours: wantedColours(outputs.colours, thresholds.colour),
    depth: depths[argmax(outputs.depth)],
    quantity: quantityOf(argmax(outputs.number), sentence.query),
    isAnswerable: refusal === undefined,
    warnings: refusal === undefined ? wordWarnings(words, namesKind(outputs, thresholds)) : [refusal],
  };
}

/** The classes with at least this probability; of a description, those that come near the best one. */
function classesOf(weights: Float32Array | undefined, least: number): number[] {
  if (weights === undefined) return [];
  const threshold = Math.max(least, Math.max(...weights) * half);
  return [...weights.keys()].filter((index) => (weights[index] ?? 0) >= threshold);
}

/** Why a query cannot be answered. */
function refusalOf(
  words: TaggedWords,
  { naming, isEnglish, hasClasses }: { naming: Naming; isEnglish: boolean; hasClasses: boolean },
): Warning | undefined {
  if (!isEnglish) return { code: 'language', words: words.all };
  if (words.with('negation').length > 0) return { code: 'negation', words: words.with('negation') };
  if (naming === 'part') return { code: 'part_not_found', words: words.likeliest('part') };
  if (naming === 'nothing') return { code: 'unknown_words', words: words.unread };
  if (naming === 'unknown' || !hasClasses) return { code: 'unknown_thing', words: words.likeliest('unknown') };
  return undefined;
}

function namesKind(outputs: ReaderOutputs, { kind }: Thresholds): boolean {
  return namingOf(outputs) === 'kind' || (outputs.names[namings.indexOf('kind')] ?? 0) >= kind;
}

/** What of a query that can be answered makes no difference to the answer. */
function wordWarnings(words: TaggedWords, isKind: boolean): Warning[] {
  const warnings: Warning[] = [
    { code: 'kind_not_told', words: isKind ? words.likeliestOfUnwarned('kind') : words.with('kind') },
    { code: 'part_not_found', words: words.with('part') },
    // What it does not know is beside the object that it asks for: otherwise it would be refused.
    { code: 'ignored_words', words: words.with('unknown', 'ignored') },
  ];
  return warnings.filter((warning) => warning.words.length > 0);
}

/** Letters of a word that is said not to be used though the reader is not sure: shorter ones are articles and prepositions. */
const shortestIgnored = 4;

/** The words of a sentence by what they are tagged as. */
class TaggedWords {
  readonly #words: readonly { readonly text: string; readonly chances: readonly number[]; readonly tag: Tag }[];

  readonly #query: string;

  /**
   * @param probabilities - `[tokens, tags]`
   * @param ignored - least probability of a word that is said not to be used
   */
  constructor({ query, words, ids }: Sentence, probabilities: Float32Array, ignored: number) {
    this.#query = query.trim();
    this.#words = words.map(({ text, tokens }) => {
      const chances = tagChances(probabilities, tokens, ids.length);
      const likeliest = tags[argmax(chances)] ?? 'used';
      const mayBeIgnored = likeliest === 'used' && text.length >= shortestIgnored;
      const isIgnored = mayBeIgnored && (chances[tags.indexOf('ignored')] ?? 0) >= ignored;
      return { text, chances, tag: isIgnored ? 'ignored' : likeliest };
    });
  }

  /** Every word; of a query of signs alone the query. */
  get all(): string[] {
    return this.#words.length === 0 ? [this.#query] : this.#words.map(({ text }) => text);
  }

  /** What a query that asks for nothing has in place of a name: pictures such as “🐶”, or all of it. */
  get unread(): string[] {
    const pictures = this.#query.split(/\s+/u).filter((part) => /\p{Extended_Pictographic}|\p{So}/u.test(part));
    return pictures.length === 0 ? this.all : [...this.with('unknown'), ...pictures];
  }

  /** Words with one of these tags, neighbours together. */
  with(...wanted: readonly Tag[]): string[] {
    const found: string[] = [];
    let isContinued = false;
    for (const { text, tag } of this.#words) {
      const isWanted = wanted.includes(tag);
      if (isWanted) found.push(isContinued ? `${found.pop() ?? ''} ${text}` : text);
      isContinued = isWanted;
    }
    return found;
  }

  /** Words with a tag; without any the one that comes nearest to it. */
  likeliest(tag: Tag): string[] {
    const tagged = this.with(tag);
    return tagged.length > 0 ? tagged : this.all.slice(...this.#nearest(tag));
  }

  /** The same, but nothing when the word that comes nearest has a warning of its own. */
  likeliestOfUnwarned(tag: Tag): string[] {
    const [nearest] = this.#nearest(tag);
    const isWarned = tagsThatWarn.some((own) => own === this.#words[nearest]?.tag);
    return isWarned ? this.with(tag) : this.likeliest(tag);
  }

  #nearest(tag: Tag): [from: number, to: number] {
    const nearest = argmax(this.#words.map(({ chances }) => chances[tags.indexOf(tag)] ?? 0));
    return [nearest, nearest + 1];
  }
}

/** Of a word the mean probability of each tag over its tokens; a word that was not read is ignored. */
function tagChances(probabilities: Float32Array, [from, to]: TokenWord['tokens'], read: number): number[] {
  if (from >= read) return tags.map((tag) => (tag === 'ignored' ? 1 : 0));
  const end = Math.min(to, read);
  return tags.map((_, tag) => {
    let sum = 0;
    for (let token = from; token < end; token++) sum += probabilities[token * tags.length + tag] ?? 0;
    return sum / (end - from);
  });
}

/** A colour that is probably asked for, of the part that it is likeliest of. */
function wantedColours(probabilities: Float32Array, least: number): WantedColour[] {
  return colourNames.flatMap((colour, column) => {
    const ofPlaces = colourPlaces.map((_, row) => probabilities[row * colourNames.length + column] ?? 0);
    const place = colourPlaces[argmax(ofPlaces)];
    const isAsked = ofPlaces.reduce((sum, own) => sum + own, 0) >= least;
    return isAsked && place !== undefined ? [{ place, colour }] : [];
  });
}

/** A number of objects that the model has no output for, such as "15 birds". */
const largeNumber = /^\s*(?:the |all |all the |exactly )?([1-9]\d{1,3})\s+\p{L}/iu;

function quantityOf(number: number, query: string): Quantity {
  const large = Number(largeNumber.exec(query)?.[1] ?? 0);
  if (large >= plural) return { isPlural: true, count: large };
  if (number === 0) return { isPlural: false };
  return number === plural || number === many ? { isPlural: true } : { isPlural: number > 1, count: number };
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] ?? 0) > (values[best] ?? 0)) best = index;
  }
  return best;
}
