import {
  chooseFeasibilityThreshold,
  closedWorld,
  compositionAt,
  compositionKey,
  computeLogits,
  evaluateLogits,
  openWorld,
  type CandidateSet,
  type GeneralisedEvaluation,
  type LabelledLogits,
  type Vocabulary,
} from '@tessera/composition';
import type { TrainingMethod } from '@tessera/contracts';
import type { CompositionModel } from '@tessera/dual-encoder';
import type { LabelledPhoto } from '@tessera/evaluation';

/** Vocabularies trained on photos and judged by photos, with one model. */
export class CompositionalStudy {
  readonly #model: CompositionModel;

  constructor(model: CompositionModel) {
    this.#model = model;
  }

  /** Trains on the photos of the set `train`; those of `val`, when there are any, choose the best epoch. */
  async train(method: TrainingMethod, seed: number, photos: readonly LabelledPhoto[]): Promise<TrainedRun> {
    const startedAt = performance.now();
    let featuresMs = 0;
    const vocabulary = await this.#model.trainVocabulary(
      {
        name: `${method}-${seed}`,
        method,
        recipe: { seed },
        examples: photos.map(({ image, composition, set }) => ({
          image,
          attributes: composition.slice(0, -1),
          object: composition.at(-1) ?? '',
          set,
        })),
      },
      {
        onProgress: ({ stage }) => {
          if (stage === 'features') featuresMs = performance.now() - startedAt;
        },
      },
    );
    return { vocabulary, featuresMs, totalMs: performance.now() - startedAt };
  }

  /** Among `candidates`, whether they are feasible or not; unless given the seen pairs and those of the photos. */
  async evaluate(
    vocabulary: Vocabulary,
    photos: readonly LabelledPhoto[],
    candidates = closedWorld(
      vocabulary.seen_pairs,
      photos.map(({ composition }) => composition),
    ),
  ): Promise<GeneralisedEvaluation> {
    return evaluateLogits(await this.#labelledLogits(vocabulary, candidates, photos));
  }

  /** Among every attribute with every object, with the threshold of feasibility that suits the photos best. */
  async evaluateFeasible(vocabulary: Vocabulary, photos: readonly LabelledPhoto[]): Promise<GeneralisedEvaluation> {
    const candidates = openWorld(vocabulary.attributes, vocabulary.objects, vocabulary.seen_pairs);
    const logits = await this.#labelledLogits(vocabulary, candidates, photos);
    const feasibility = await this.#feasibility(vocabulary, candidates, photos.slice(0, 1));
    return chooseFeasibilityThreshold(logits, feasibility).evaluation;
  }

  /** As a response reports it; of all candidates, since no pair is below −1. */
  async #feasibility(
    vocabulary: Vocabulary,
    candidates: CandidateSet,
    photos: readonly LabelledPhoto[],
  ): Promise<Float32Array> {
    const { results } = await this.#model.classify(
      photos.map(({ image }) => image),
      vocabulary,
      { world: 'open', feasibility_threshold: -1, top_k: candidates.count },
    );
    const byKey = new Map(
      results[0]?.predictions.map(({ attributes, object, feasibility }) => [
        compositionKey([...attributes, object]),
        feasibility,
      ]),
    );
    return Float32Array.from({ length: candidates.count }, (_, index) => {
      const feasibility = byKey.get(compositionKey(compositionAt(candidates, index)));
      if (feasibility === undefined) throw new Error(`Candidate ${index} was given no feasibility.`);
      return feasibility;
    });
  }

  async #labelledLogits(
    vocabulary: Vocabulary,
    candidates: CandidateSet,
    photos: readonly LabelledPhoto[],
  ): Promise<LabelledLogits> {
    const matrix = await this.#model.embedCandidates(candidates, vocabulary);
    const embeddings = await this.#model.embedImages(photos.map(({ image }) => image));
    const images = new Float32Array(embeddings.length * matrix.width);
    for (const [index, embedding] of embeddings.entries()) images.set(embedding, index * matrix.width);
    const indexOf = new Map(
      Array.from({ length: candidates.count }, (_, index) => [compositionKey(compositionAt(candidates, index)), index]),
    );
    return {
      logits: computeLogits(images, matrix, vocabulary.logit_scale),
      seen: candidates.seen,
      truths: Int32Array.from(photos, ({ composition }) => indexOf.get(compositionKey(composition)) ?? -1),
    };
  }
}

export interface TrainedRun {
  readonly vocabulary: Vocabulary;
  /** Milliseconds for the photos' embeddings, of those that were not embedded before. */
  readonly featuresMs: number;
  /** Milliseconds in all. */
  readonly totalMs: number;
}
