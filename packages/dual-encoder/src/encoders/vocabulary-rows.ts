import { canonicalName, type CandidateSet, type Vocabulary } from '@tessera/composition';
import { TesseraError, type InlineVocabulary } from '@tessera/contracts';
import { rowsOf } from '@tessera/inference';
import type { PromptRows } from './prompts.js';
import type { TokenTable } from './token-table.js';

/** Whether the vocabulary was trained, not just written down. */
export function isTrained(vocabulary: Vocabulary | InlineVocabulary): vocabulary is Vocabulary {
  return 'method' in vocabulary;
}

/**
 * The rows that the candidates' prompts are made of: learned ones where the vocabulary has them, otherwise the mean of the
 * primitive's word-piece embeddings.
 *
 * @param words - rows of the words that come before the primitives, such as "a photo of"
 */
export function rowsFor(
  candidates: CandidateSet,
  vocabulary: Vocabulary | InlineVocabulary,
  tokens: TokenTable,
  words: readonly Float32Array[],
): PromptRows {
  const learned = learnedRows(vocabulary);
  return {
    prefix: [tokens.start, ...(learned.context ?? words)],
    attributes: candidates.attributes.map(
      (name) => learned.attributes.get(canonicalName(name)) ?? tokens.meanRow(name),
    ),
    objects: candidates.objects.map((name) => learned.objects.get(canonicalName(name)) ?? tokens.meanRow(name)),
    end: tokens.end,
  };
}

/**
 * Refuses a vocabulary whose prompts belong to another text encoder.
 *
 * @throws TesseraError `TSR_VOCABULARY_MISMATCH`
 */
export function checkBase(vocabulary: Vocabulary, base: { name: string; sha256: string }, width: number): void {
  const fits = vocabulary.base.sha256 === base.sha256 && (vocabulary.learned?.width ?? width) === width;
  if (fits) return;
  throw new TesseraError(
    'TSR_VOCABULARY_MISMATCH',
    `The vocabulary "${vocabulary.name}" was trained for another text encoder than that of ${base.name}.`,
  );
}

/** The learned rows of a vocabulary by canonical name; one that was not trained has none. */
export interface LearnedRows {
  readonly context?: readonly Float32Array[];
  readonly attributes: ReadonlyMap<string, Float32Array>;
  readonly objects: ReadonlyMap<string, Float32Array>;
}

export function learnedRows(vocabulary: Vocabulary | InlineVocabulary): LearnedRows {
  const none = { attributes: new Map<string, Float32Array>(), objects: new Map<string, Float32Array>() };
  if (!isTrained(vocabulary) || vocabulary.learned === undefined) return none;
  const learned = rowsOf(vocabulary.learned.values, vocabulary.learned.rows);
  if (vocabulary.method === 'coop') return { ...none, context: learned };
  const { attributes, objects } = vocabulary;
  return {
    attributes: rowsByName(attributes, learned),
    objects: rowsByName(objects, learned.slice(attributes.length)),
  };
}

/** Of several spellings of a name, as earlier versions kept them apart, the first one counts. */
function rowsByName(names: readonly string[], learned: readonly Float32Array[]): Map<string, Float32Array> {
  const rows = new Map<string, Float32Array>();
  for (const [index, spelling] of names.entries()) {
    const [name, row] = [canonicalName(spelling), learned[index]];
    if (row !== undefined && !rows.has(name)) rows.set(name, row);
  }
  return rows;
}
