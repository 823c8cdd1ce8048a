import type { CandidateSet } from '@tessera/composition';
import { TesseraError } from '@tessera/contracts';
import type { HostTensor } from '@tessera/inference';

/** Token embeddings that the prompts of some candidates are made of; every row has the text width W. */
export interface PromptRows {
  /** Start token, then words such as "a photo of" or learned context vectors. */
  readonly prefix: readonly Float32Array[];
  /** In the order of the candidates' attributes. */
  readonly attributes: readonly Float32Array[];
  /** In the order of the candidates' objects. */
  readonly objects: readonly Float32Array[];
  readonly end: Float32Array;
}

/** Feeds of `text_encoder`. */
export interface PromptBatch {
  /** float32 `[B, n, W]`; prompts shorter than the longest end with zeros, which a causal text encoder never sees. */
  readonly inputs_embeds: HostTensor;
  /** int64 `[B]` */
  readonly end: HostTensor;
}

/** Rows of one prompt, `[start, …, attributes, object, end]` (Nayak, Yu, Bach, "CSP", ICLR 2023, section 4). */
function promptOf(candidates: CandidateSet, index: number, rows: PromptRows): Float32Array[] {
  const { attributeStarts, attributeIndexes, objectIndexes } = candidates;
  const attributes = attributeIndexes.subarray(attributeStarts[index], attributeStarts[index + 1]);
  return [
    ...rows.prefix,
    ...Array.from(attributes, (attribute) => rowAt(rows.attributes, attribute)),
    rowAt(rows.objects, objectIndexes[index]),
    rows.end,
  ];
}

/** The prompts of the candidates from `from` up to `to` as one batch. */
export function promptBatch(candidates: CandidateSet, from: number, to: number, rows: PromptRows): PromptBatch {
  const prompts = Array.from({ length: to - from }, (_, offset) => promptOf(candidates, from + offset, rows));
  return batchOf(prompts, rows.end.length);
}

/** Prompts, each a list of rows of width W with the end token last, as one batch. */
export function batchOf(prompts: readonly (readonly Float32Array[])[], width: number): PromptBatch {
  const length = Math.max(...prompts.map((prompt) => prompt.length));
  const data = new Float32Array(prompts.length * length * width);
  for (const [index, prompt] of prompts.entries()) {
    for (const [position, row] of prompt.entries()) data.set(row, (index * length + position) * width);
  }
  return {
    inputs_embeds: { type: 'float32', dims: [prompts.length, length, width], data },
    end: {
      type: 'int64',
      dims: [prompts.length],
      data: BigInt64Array.from(prompts, (prompt) => BigInt(prompt.length - 1)),
    },
  };
}

/**
 * Refuses candidates whose prompts are longer than the text encoder's context.
 *
 * @param prefixLength - rows before the attributes
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkPromptLengths(candidates: CandidateSet, prefixLength: number, contextLength: number): void {
  const attributesMax = contextLength - prefixLength - 2;
  const { attributeStarts } = candidates;
  for (let index = 0; index < candidates.count; index++) {
    const attributes = (attributeStarts[index + 1] ?? 0) - (attributeStarts[index] ?? 0);
    if (attributes <= attributesMax) continue;
    throw new TesseraError(
      'TSR_VALIDATION',
      `A pair has ${attributes} attributes; the model's prompts have room for ${attributesMax}.`,
      { fields: [{ pointer: '/pairs', message: `must have at most ${attributesMax} attributes each` }] },
    );
  }
}

function rowAt(rows: readonly Float32Array[], index: number | undefined): Float32Array {
  const row = rows[index ?? -1];
  if (row === undefined) throw new RangeError(`There is no row ${index} among ${rows.length}.`);
  return row;
}
