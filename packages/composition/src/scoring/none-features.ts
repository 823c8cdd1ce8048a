import { dotProduct } from '@tessera/runtime';
import { embeddingAt, type TextMatrix } from './logits.js';

/** An image, and the candidate whose text is most similar to it. */
export interface BestCandidate {
  /** `[D]`, of unit length */
  readonly image: Float32Array;
  /** `[D]`, of unit length */
  readonly text: Float32Array;
}

/** The best candidate of an image by its logits `[C]`, of which there is at least one. */
export function bestCandidate(image: Float32Array, texts: TextMatrix, logits: Float32Array): BestCandidate {
  let best = 0;
  for (const [index, logit] of logits.entries()) if (logit > (logits[best] ?? -Infinity)) best = index;
  return { image, text: embeddingAt(texts, best) };
}

/** The mean `[D]` of text embeddings. */
export function meanEmbedding(texts: TextMatrix): Float32Array {
  const mean = new Float32Array(texts.width);
  for (let row = 0; row < texts.rows; row++) {
    for (const [column, value] of embeddingAt(texts, row).entries()) {
      mean[column] = (mean[column] ?? 0) + value / texts.rows;
    }
  }
  return mean;
}

/**
 * What tells whether the best candidate fits an image, as logits: its cosine with the image, the mean cosine of the image
 * with background texts, that of the candidate with them, and the product of the last two. Images and texts of one kind
 * are about as close to the background as each other, so an image that is closer to it than the candidate's words are, or
 * further away, shows something else.
 *
 * @param background - {@link meanEmbedding} of the background texts
 */
export function noneFeatures(
  { image, text }: BestCandidate,
  background: Float32Array,
  logitScale: number,
): [similarity: number, ofImage: number, ofText: number, product: number] {
  const similarity = dotProduct(image, text) * logitScale;
  const ofImage = dotProduct(image, background) * logitScale;
  const ofText = dotProduct(text, background) * logitScale;
  return [similarity, ofImage, ofText, ofImage * ofText];
}
