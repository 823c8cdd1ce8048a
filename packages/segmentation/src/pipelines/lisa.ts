import {
  TesseraError,
  type LisaSettings,
  type PipelineManifest,
  type SegmentOptions,
  type Warning,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { requireGraphs, type Bundle, type InferenceRunner, type RequiredGraph } from '@tessera/inference';
import { clampedLogit, probability } from '@tessera/runtime';
import { pruningReport, type DecoderShape } from '@tessera/token-pruning';
import type { ObjectChoice } from '../answers/choice.js';
import { ImagePrompt, type PromptedQuery } from '../language/image-prompt.js';
import { ImageLanguageModel, type LanguageAnswer } from '../reasoning/image-language-model.js';
import { planStages } from '../reasoning/pruning-plan.js';
import { planCentreCrop } from '../vision/image-views.js';
import { MaskDecoder, type DecodedMask } from '../vision/mask-decoder.js';
import { ImageReader, type RequestImage } from '../vision/request-image.js';
import { VisionTower } from '../vision/vision-tower.js';
import { defaultThreshold, type ChosenObjects, type Pipeline, type Vision } from './pipeline.js';

type LisaBundle = Bundle<PipelineManifest<'lisa'>>;

/** Width of SAM's prompts. */
const promptWidth = 256;
/** An expected IoU is read no closer to 0 and 1: the model's own figure may be beyond. */
const leastIoU = 1e-3;

/**
 * Pipeline `lisa`: a language model reads image and query in one prefill; a state of it is the prompt from which SAM
 * draws the mask (LISA, arXiv 2308.00692). A query has one object: everything that it means.
 */
export class Lisa implements Pipeline {
  /** No object has a coarse shape: without the mask decoder there is no answer. */
  readonly settings = { maximum_refined_objects: 1, region_shape_exponent: 2 };
  readonly cheapest: SegmentOptions = {};
  readonly vision: Vision;
  readonly #name: string;
  readonly #settings: LisaSettings;
  readonly #shape: DecoderShape;
  readonly #prompt: ImagePrompt;
  readonly #tower: VisionTower;
  readonly #model: ImageLanguageModel;

  private constructor(bundle: LisaBundle, runner: InferenceRunner, limits: ImageLimits, prompt: ImagePrompt) {
    const { settings } = bundle.manifest;
    this.#name = bundle.manifest.name;
    this.#settings = settings;
    this.#shape = decoderShape(settings);
    this.#prompt = prompt;
    this.#model = new ImageLanguageModel(bundle, runner, settings);
    const { vision_image_size: side, encoder_longest_side: longestSide } = settings;
    this.#tower = new VisionTower(bundle, runner, side);
    this.vision = {
      images: new ImageReader({ views: (size) => planCentreCrop(size, side), longestSide, limits }),
      masks: new MaskDecoder(bundle, runner, longestSide),
    };
  }

  /** @throws BundleError or Error when the bundle's settings, graphs and tokenizer do not belong together */
  static async create(bundle: LisaBundle, runner: InferenceRunner, limits: ImageLimits): Promise<Lisa> {
    const { settings } = bundle.manifest;
    requireGraphs(bundle, requiredGraphs(settings));
    const { weights } = settings.presence_calibration;
    if (weights.length !== 2) throw new Error(`presence_calibration has ${weights.length} weights for two features.`);
    planStages(decoderShape(settings), settings.pruning, undefined);
    return new Lisa(bundle, runner, limits, await ImagePrompt.create(bundle, settings));
  }

  checkOptions({ pruning, refine }: SegmentOptions): void {
    planStages(this.#shape, this.#settings.pruning, pruning);
    if (refine === false) {
      throw new TesseraError('TSR_OPTION_UNSUPPORTED', `The model ${this.#name} has no coarse masks.`, {
        fields: [{ pointer: '/refine', message: 'must be true or absent for this model' }],
      });
    }
  }

  async choose(
    image: RequestImage,
    queries: readonly string[],
    { pruning, threshold = defaultThreshold, output }: SegmentOptions,
  ): Promise<ChosenObjects> {
    const plan = planStages(this.#shape, this.#settings.pruning, pruning);
    const prompted = queries.map((query) => this.#prompt.write(query));
    const question = {
      prefix: this.#prompt.prefix,
      texts: prompted.map(({ ids }) => ids),
      plan,
      seed: image.id,
    };
    const answers = await this.#tower.withImage(image, (seen) => {
      image.clock.report('language', 0.3);
      return image.clock.measure('language', () => this.#model.answer(seen, question, image.clock.signal));
    });
    const masks = await this.vision.masks.decode(
      image,
      answers.map(({ embedding }) => ({ embeddings: embedding })),
    );
    const choices = prompted.flatMap((query, index) => {
      const [answer, mask] = [answers[index], masks[index]];
      if (answer === undefined || mask === undefined) return [];
      const choice = this.#choose(query, answer, mask, threshold);
      return [output?.token_map === true ? { ...choice, tokenMap: answer.tokenMap } : choice];
    });
    const { grid_side: side } = this.#settings.decoder;
    return {
      choices,
      pruning: pruningReport(plan.mode, this.#shape, plan.stages),
      ...(output?.token_map === true ? { tokenLayout: { grid: [side, side], regions: [] } } : {}),
    };
  }

  #choose(
    { removed }: PromptedQuery,
    { embedding, segLogit }: LanguageAnswer,
    mask: DecodedMask,
    threshold: number,
  ): ObjectChoice {
    const score = probability(this.#settings.presence_calibration, [clampedLogit(mask.iou, leastIoU), segLogit]);
    const warnings: Warning[] = [
      ...(removed.length === 0 ? [] : [{ code: 'ignored_words' as const, words: [...removed] }]),
      ...(this.#settings.is_calibrated ? [] : [{ code: 'uncalibrated_score' as const, words: [] }]),
    ];
    const object = { prompt: { embeddings: embedding }, probability: score, mask };
    return { score, objects: score < threshold ? [] : [object], warnings };
  }
}

function decoderShape({ decoder }: LisaSettings): DecoderShape {
  return {
    layers: decoder.layers,
    width: decoder.width,
    feedForwardWidth: decoder.feed_forward_width,
    imageTokens: decoder.grid_side ** 2,
  };
}

function requiredGraphs({ decoder, vision_image_size: side }: LisaSettings): Record<string, RequiredGraph> {
  const tokens = decoder.grid_side ** 2;
  return {
    vision_tower: {
      inputs: { image: ['uint8', 'batch', side, side, 3] },
      outputs: {
        image_embeddings: ['float32', 'batch', tokens, decoder.width],
        cls_attention: ['float32', 'batch', tokens],
      },
    },
    language_model: {
      inputs: {
        prefix: ['int64', 'tokens'],
        image_embeddings: ['float32', 1, tokens, decoder.width],
        text: ['int64', 'queries', 'tokens'],
        lengths: ['int64', 'queries'],
        priority: ['float32', tokens],
        image_tokens: ['int64', decoder.layers],
      },
      outputs: {
        embedding: ['float32', 'queries', promptWidth],
        seg_logit: ['float32', 'queries'],
        tokens: ['int64', 'rows', 'tokens'],
      },
    },
    image_encoder: {
      inputs: { image: ['uint8', 'batch', 'height', 'width', 3], sizes: ['int64', 'batch', 2] },
      outputs: { embedding: ['float32', 'batch', promptWidth, 'rows', 'columns'] },
    },
    mask_decoder: {
      inputs: {
        embedding: ['float32', 1, promptWidth, 'rows', 'columns'],
        points: ['float32', 'prompts', 'points', 2],
        labels: ['int64', 'prompts', 'points'],
        prompt_embeddings: ['float32', 'prompts', 'embeddings', promptWidth],
      },
      outputs: { low_res_masks: ['float32', 'prompts', 'rows', 'columns'], iou: ['float32', 'prompts'] },
    },
  };
}
