import {
  bestCandidate,
  compositionKey,
  compositionAt,
  computeLogits,
  meanEmbedding,
  noneFeatures,
  objectCandidates,
  openWorld,
  type TextMatrix,
  type Vocabulary,
} from '@tessera/composition';
import type { InlineVocabulary } from '@tessera/contracts';
import type { CompositionModel } from '@tessera/dual-encoder';
import type { CompositionCase } from './composition-cases.js';
import type { CalibrationPicture } from './composition-photos.js';

/** The features of a case, in the order of the calibration's weights. */
export interface NoneEvidence extends CompositionCase {
  readonly features: readonly number[];
}

/** What a model makes of pictures and candidates. */
export class NoneEvidenceGatherer {
  readonly #model: CompositionModel;
  readonly #background: Float32Array;
  readonly #logitScale: number;

  private constructor(model: CompositionModel, background: Float32Array, logitScale: number) {
    this.#model = model;
    this.#background = background;
    this.#logitScale = logitScale;
  }

  /** @param background - names of the objects whose prompts are the background */
  static async create(
    model: CompositionModel,
    background: readonly string[],
    logitScale: number,
  ): Promise<NoneEvidenceGatherer> {
    const texts = await model.embedCandidates(objectCandidates(background), {
      attributes: [],
      objects: [...background],
    });
    return new NoneEvidenceGatherer(model, meanEmbedding(texts), logitScale);
  }

  /** @param vocabulary - has every word of the cases */
  async gather(vocabulary: Vocabulary | InlineVocabulary, cases: readonly CompositionCase[]): Promise<NoneEvidence[]> {
    const world = openWorld(vocabulary.attributes, vocabulary.objects);
    const texts = await this.#model.embedCandidates(world, vocabulary);
    const places = new Map(
      Array.from({ length: world.count }, (_, index) => [compositionKey(compositionAt(world, index)), index]),
    );
    const images = await this.#embed(cases.map(({ picture }) => picture));
    return cases.map((item) => {
      const pairs = item.attributes.flatMap((attribute) => item.objects.map((object) => [attribute, object]));
      const candidates = selectRows(
        texts,
        pairs.map((pair) => places.get(compositionKey(pair)) ?? -1),
      );
      const image = images.get(item.picture.image.id) ?? new Float32Array();
      const logits = computeLogits(image, candidates, this.#logitScale);
      const best = bestCandidate(image, candidates, logits);
      return { ...item, features: noneFeatures(best, this.#background, this.#logitScale) };
    });
  }

  async #embed(pictures: readonly CalibrationPicture[]): Promise<Map<string, Float32Array>> {
    const distinct = [...new Map(pictures.map(({ image }) => [image.id, image])).values()];
    const embeddings = await this.#model.embedImages(distinct);
    return new Map(distinct.map(({ id }, index) => [id, embeddings[index] ?? new Float32Array()]));
  }
}

/** A vocabulary of soft prompts trained on product photos. */
export async function trainOnGarments(
  model: CompositionModel,
  pictures: readonly CalibrationPicture[],
): Promise<Vocabulary> {
  const examples = pictures.map(({ image, colour = '', object }) => ({ image, attributes: [colour], object }));
  return await model.trainVocabulary({ name: 'garments', method: 'csp', examples, recipe: { seed: 0 } });
}

function selectRows({ width, values }: TextMatrix, rows: readonly number[]): TextMatrix {
  if (!(values instanceof Float32Array)) throw new TypeError('The texts are not in single precision.');
  const selected = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    if (row < 0) throw new RangeError(`Candidate ${index} is none of the vocabulary's pairs.`);
    selected.set(values.subarray(row * width, (row + 1) * width), index * width);
  }
  return { rows: rows.length, width, values: selected };
}
