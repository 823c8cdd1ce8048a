/** Logits of images whose compositions are known. */
export interface LabelledLogits {
  /** `[N, C]` */
  readonly logits: Float32Array;
  /** `[C]`: 1 where the candidate is a seen composition. */
  readonly seen: Uint8Array;
  /** `[N]`: the candidate that the image shows; −1 where none does, which makes it an image of an unseen composition. */
  readonly truths: Int32Array;
}

/** The one candidate of a kind that a bias cannot change. */
interface Best {
  /** −1 where there is no candidate of the kind. */
  readonly index: number;
  readonly logit: number;
}

/**
 * What is left to know of an image's logits. A bias moves all unseen candidates alike, so the image's prediction is always
 * one of these two.
 */
export interface ImageRanking {
  readonly truth: number;
  readonly isSeen: boolean;
  readonly truthLogit: number;
  readonly bestSeen: Best;
  readonly bestUnseen: Best;
}

/**
 * Ranks every image's candidates once.
 *
 * @param feasible - `[C]`: 0 for candidates that are left out; an image that shows one of them cannot be classified correctly
 * @throws RangeError when shapes do not match
 */
export function rankImages({ logits, seen, truths }: LabelledLogits, feasible?: Uint8Array): ImageRanking[] {
  const count = seen.length;
  if (logits.length !== truths.length * count) {
    throw new RangeError(`${truths.length} images and ${count} candidates have no ${logits.length} logits.`);
  }
  return Array.from(truths, (truth, image) => {
    const row = logits.subarray(image * count, (image + 1) * count);
    return {
      truth,
      isSeen: seen[truth] === 1,
      truthLogit: row[truth] ?? -Infinity,
      bestSeen: bestOf(row, (index) => seen[index] === 1 && feasible?.[index] !== 0),
      bestUnseen: bestOf(row, (index) => seen[index] !== 1 && feasible?.[index] !== 0),
    };
  });
}

/** Whether the image is classified correctly when `bias` is added to unseen candidates; of equal ones the first counts. */
export function isCorrect({ truth, bestSeen, bestUnseen }: ImageRanking, bias: number): boolean {
  const biased = bestUnseen.logit + bias;
  const isUnseenFirst = biased > bestSeen.logit || (biased === bestSeen.logit && bestUnseen.index < bestSeen.index);
  return truth >= 0 && truth === (isUnseenFirst ? bestUnseen : bestSeen).index;
}

function bestOf(row: Float32Array, isIncluded: (index: number) => boolean): Best {
  let [index, logit] = [-1, -Infinity];
  for (let candidate = 0; candidate < row.length; candidate++) {
    const value = row[candidate] ?? -Infinity;
    if (value > logit && isIncluded(candidate)) [index, logit] = [candidate, value];
  }
  return { index, logit };
}
