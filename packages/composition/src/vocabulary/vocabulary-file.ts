import { createHash } from 'node:crypto';
import { classifyLimits, TesseraError, VocabularyDescription, VocabularyName } from '@tessera/contracts';
import { Value } from 'typebox/value';
import { checkLength, checkName, objectOf } from '../candidates/composition.js';
import { NameIndex } from '../candidates/primitive-name.js';
import {
  readSafetensors,
  SafetensorsError,
  tensorValues,
  writeSafetensors,
  type SafetensorsFile,
} from './safetensors.js';
import type { LearnedPrompts, Vocabulary } from './vocabulary.js';

const format = 'tessera-vocabulary/1';
/** Far beyond what training gives: larger values overflow in the text encoder, and larger scales in the logits. */
const largestMagnitude = 1e6;
/** In the order in which a file has them. */
const describedFields = Object.keys(VocabularyDescription.properties) as (keyof VocabularyDescription)[];
/** Metadata that is text as it is; everything else is JSON. */
const plainKeys = new Set(['name', 'model', 'method']);
const tensorNames = { csp: 'soft_prompts', coop: 'context', clip: undefined } as const;

/** What clients see of a vocabulary: everything but the learned values. */
export function describeVocabulary(vocabulary: Vocabulary): VocabularyDescription {
  const description: VocabularyDescription & Partial<Vocabulary> = { ...vocabulary };
  delete description.learned;
  return description;
}

/**
 * A vocabulary as one safetensors file: the learned values as `soft_prompts` [attributes + objects, W] or `context`
 * [rows, W], and the {@link VocabularyDescription} as metadata, one text a field. The same vocabulary gives the same bytes.
 */
export function serializeVocabulary(vocabulary: Vocabulary): Uint8Array {
  const metadata = new Map([['format', format]]);
  for (const key of describedFields) {
    const value = vocabulary[key];
    if (value !== undefined) metadata.set(key, typeof value === 'string' ? value : JSON.stringify(value));
  }
  const { method, learned } = vocabulary;
  const tensorName = tensorNames[method];
  if (learned === undefined || tensorName === undefined) return writeSafetensors(new Map(), metadata);
  const { rows, width, values } = learned;
  return writeSafetensors(new Map([[tensorName, { shape: [rows, width], values }]]), metadata);
}

/**
 * Reads a file as {@link serializeVocabulary} writes them, from any source.
 *
 * @throws TesseraError `TSR_VOCABULARY_INVALID`, saying what is wrong with it
 */
export function parseVocabulary(file: Uint8Array): Vocabulary {
  try {
    const contents = readSafetensors(file);
    const description = readDescription(contents.metadata);
    checkDescription(description);
    return { ...description, learned: readLearned(contents, description) };
  } catch (cause) {
    if (!(cause instanceof SafetensorsError) && !TesseraError.isInstance(cause)) throw cause;
    throw new TesseraError('TSR_VOCABULARY_INVALID', explain(cause), { cause });
  }
}

/** SHA-256 of everything that the prompts of a composition depend on besides the base model. */
export function hashVocabulary({ method, attributes, objects, learned }: Vocabulary): string {
  const hash = createHash('sha256').update(JSON.stringify([method, attributes, objects, learned?.width]));
  if (learned !== undefined) hash.update(learned.values);
  return hash.digest('hex');
}

function readDescription(metadata: ReadonlyMap<string, string>): VocabularyDescription {
  if (metadata.get('format') !== format) throw invalid(`Its format is not "${format}".`);
  const fields: [key: string, value: unknown][] = [];
  for (const key of describedFields) {
    const text = metadata.get(key);
    if (text !== undefined) fields.push([key, plainKeys.has(key) ? text : parseJson(key, text)]);
  }
  const description = Value.Clean(VocabularyDescription, Object.fromEntries(fields));
  if (Value.Check(VocabularyDescription, description)) return description;
  const [problem] = Value.Errors(VocabularyDescription, description);
  throw invalid(`Its metadata is wrong: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}.`);
}

function parseJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`Its ${key} is not JSON.`);
  }
}

function checkDescription(description: VocabularyDescription): void {
  const { name, attributes, objects, seen_pairs: seenPairs, logit_scale: logitScale, base } = description;
  if (!Value.Check(VocabularyName, name)) throw invalid('Its name cannot be the name of a vocabulary.');
  if (!(logitScale > 0)) throw invalid('Its logit_scale is not positive.');
  if (logitScale > largestMagnitude) throw invalid(`Its logit_scale is larger than ${largestMagnitude}.`);
  if (!/^[0-9a-f]{64}$/.test(base.sha256)) throw invalid('Its base has no SHA-256.');
  const known = { attributes: checkNames('attributes', attributes), objects: checkNames('objects', objects) };
  if (seenPairs.length > classifyLimits.candidates) throw invalid('It has too many seen_pairs.');
  const keys = new Set<string>();
  for (const [index, pair] of seenPairs.entries()) {
    checkLength(pair, `/seen_pairs/${index}`);
    const isKnown = known.objects.has(objectOf(pair)) && pair.slice(0, -1).every((item) => known.attributes.has(item));
    if (!isKnown) throw invalid(`Its seen pair ${index} has a name that is not among its attributes and objects.`);
    keys.add(JSON.stringify(pair));
  }
  if (keys.size < seenPairs.length) throw invalid('It has a seen pair twice.');
}

/** Files of earlier versions may have a name in several spellings, each with a row; the first one counts. */
function checkNames(kind: 'attributes' | 'objects', names: readonly string[]): NameIndex {
  if (names.length === 0) throw invalid(`It has no ${kind}.`);
  if (names.length > classifyLimits[kind]) throw invalid(`It has more than ${classifyLimits[kind]} ${kind}.`);
  for (const [index, name] of names.entries()) checkName(name, `/${kind}/${index}`);
  if (new Set(names).size < names.length) throw invalid(`It has one of its ${kind} twice.`);
  const known = new NameIndex();
  for (const name of names) known.add(name);
  return known;
}

function readLearned(
  { tensors }: SafetensorsFile,
  { method, attributes, objects }: VocabularyDescription,
): LearnedPrompts | undefined {
  const tensorName = tensorNames[method];
  const expected = tensorName === undefined ? [] : [tensorName];
  if (tensors.size !== expected.length || !expected.every((name) => tensors.has(name))) {
    throw invalid(`The tensors of method ${method} are ${expected.join() || 'none'}, and it has others.`);
  }
  const tensor = tensorName === undefined ? undefined : tensors.get(tensorName);
  if (tensor === undefined) return undefined;
  const [rows = 0, width = 0] = tensor.shape;
  const isMatrix = tensor.shape.length === 2 && rows > 0 && width > 0;
  if (!isMatrix || (method === 'csp' && rows !== attributes.length + objects.length)) {
    throw invalid(`Its tensor [${tensor.shape.join(', ')}] has the wrong shape.`);
  }
  const values = tensorValues(tensor);
  if (!values.every(Number.isFinite)) throw invalid(`Its tensor ${tensorName} has values that are not finite.`);
  const outside = values.findIndex((value) => Math.abs(value) > largestMagnitude);
  if (outside !== -1) {
    const place = `row ${Math.floor(outside / width)}, column ${outside % width}`;
    throw invalid(`Its tensor ${tensorName} has a value beyond ±${largestMagnitude} at ${place}.`);
  }
  return { rows, width, values };
}

function invalid(detail: string): TesseraError {
  return new TesseraError('TSR_VOCABULARY_INVALID', detail);
}

function explain(cause: Error): string {
  if (!TesseraError.isInstance(cause)) return cause.message;
  const places = cause.fields.map(({ pointer, message }) => `${pointer} ${message}`);
  return [cause.message, ...places].join(' ');
}
