/** What `scale.ts` prints. */
export interface ScaleFigures {
  readonly attributes: number;
  readonly objects: number;
  readonly candidates: number;
  /** Pairs left out because they are not feasible. */
  readonly excluded: number;
  /** Milliseconds of the first request, whose prompts are encoded; without decoding and image encoder. */
  readonly coldMs: number;
  /** The same of a further request about another photo, the median of several. */
  readonly warmMs: number;
  /** Peak resident bytes of the process and of its inference process. */
  readonly memory: { readonly parent: number; readonly child: number } | undefined;
  /** The threshold of feasibility that was used, or one that leaves about as many pairs as in the literature. */
  readonly usefulThreshold: number;
}
