import { hashCandidates, type CandidateSet, type TextMatrix } from '@tessera/composition';
import { RecentValues, unlessAborted } from '@tessera/runtime';

/**
 * Text matrices by what they depend on besides the base model: the vocabulary's learned rows and the candidates. Two
 * requests for the same matrix at the same time compute it once.
 */
export class TextMatrices {
  readonly #matrices: RecentValues<TextMatrix>;
  readonly #computing = new Map<string, Promise<unknown>>();

  /** @param limitBytes - memory for the matrices that are kept; the last one is kept whatever it takes */
  constructor(limitBytes: number) {
    this.#matrices = new RecentValues(limitBytes, ({ values }) => values.byteLength);
  }

  /** @throws what `compute` throws, and the signal's reason when the wait for another request's work is given up */
  async get(
    rowsHash: string,
    candidates: CandidateSet,
    compute: () => Promise<TextMatrix>,
    signal?: AbortSignal,
  ): Promise<TextMatrix> {
    const key = `${rowsHash}/${hashCandidates(candidates)}`;
    for (;;) {
      const known = this.#matrices.get(key);
      if (known !== undefined) return known;
      const other = this.#computing.get(key);
      if (other === undefined) break;
      // When the other request fails or is cancelled, this one computes the matrix.
      await unlessAborted(
        other.catch(() => undefined),
        signal,
      );
    }
    const computing = compute();
    this.#computing.set(key, computing);
    try {
      const matrix = await computing;
      this.#matrices.set(key, matrix);
      return matrix;
    } finally {
      this.#computing.delete(key);
    }
  }
}
