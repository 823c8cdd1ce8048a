import { checkPromptsInside, type SegmentOptions, type SegmentPrompt, type Warning } from '@tessera/contracts';
import { StageClock } from '@tessera/runtime';
import type { ObjectChoice } from '../answers/choice.js';
import { correctObjects, maskPrompt } from '../answers/corrections.js';
import { withoutDoubles } from '../answers/distinct-masks.js';
import { excludePoints } from '../answers/excluded-points.js';
import { RefinedMasks } from '../answers/refined-masks.js';
import { ResultPainter, type Answer } from '../answers/result-painter.js';
import {
  segmentStages,
  type SegmentContext,
  type SegmentImage,
  type SegmentOutcome,
  type SegmentQuestion,
} from '../segment-request.js';
import type { MaskPrompt, PromptPoint } from '../vision/mask-prompt.js';
import type { RequestImage } from '../vision/request-image.js';
import type { ChosenObjects, Pipeline } from './pipeline.js';

type ChosenAnswer = Omit<Answer, 'masks'> & Pick<ObjectChoice, 'count'>;

const noQueries: ChosenObjects = { choices: [] };

/** Answers requests with any pipeline: chooses objects, corrects them, decodes and paints their masks. */
export class Segmenter {
  readonly #pipeline: Pipeline;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
  }

  /** The options of the cheapest answer that the model gives. */
  get cheapest(): SegmentOptions {
    return this.#pipeline.cheapest;
  }

  /**
   * Runs every graph once on this image, so that the first request does not pay for it.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when a graph does not run
   */
  async warmUp(segmentImage: SegmentImage): Promise<void> {
    const image = this.#pipeline.vision.images.open(segmentImage);
    await this.#pipeline.choose(image, ['a person on the left'], {});
    await this.#pipeline.vision.masks.decode(image, [{ box: [0, 0, 1, 1] }]);
  }

  /**
   * @throws TesseraError `TSR_OPTION_UNSUPPORTED` for an option that the model does not have, `TSR_VALIDATION` for a
   * prompt outside the image, an image error for bytes that do not decode, `TSR_INFERENCE_FAILED`
   */
  async segment(
    segmentImage: SegmentImage,
    { queries, prompts = [], options = {} }: SegmentQuestion,
    context: SegmentContext = {},
  ): Promise<SegmentOutcome> {
    const { vision, settings } = this.#pipeline;
    this.#pipeline.checkOptions(options);
    const clock = new StageClock(segmentStages, context);
    const isRefined = options.refine !== false;
    const image = vision.images.open(segmentImage, clock, { isEncoded: isRefined, shared: context.shared });
    const maskPrompts = prompts.length === 0 ? [] : await placeInImage(prompts, image);
    const { choices, ...report } =
      queries.length === 0 ? noQueries : await this.#pipeline.choose(image, queries, options);
    const chosen =
      queries.length === 0
        ? maskPrompts.map(promptAnswer)
        : choices.map((choice, index): ChosenAnswer => ({
            about: { query: queries[index] ?? '' },
            ...choice,
            objects: correctObjects(choice.objects, maskPrompts),
          }));

    const limit = isRefined ? settings.maximum_refined_objects : 0;
    const objects = chosen.map((answer) => [...answer.objects, ...(answer.excluded ?? [])]);
    const masks = await RefinedMasks.decode(vision.masks, image, objects, limit);
    const size = await image.size();
    const answers: Answer[] = [];
    for (const [index, answer] of chosen.entries()) {
      const own = masks[index];
      if (own === undefined) continue;
      const { count, ...rest } = answer;
      if (queries.length === 0) {
        answers.push({ ...rest, masks: own });
        continue;
      }
      // An object whose double is taken out goes with it.
      const distinct = withoutDoubles(answer.objects, own);
      const { used, ...kept } = await excludePoints(vision.masks, image, { objects: distinct, masks: own });
      const warnings = [...unusedPoints(maskPrompts, used), ...fewerFound(count, kept.objects.length)];
      answers.push({ ...rest, ...kept, warnings: [...answer.warnings, ...warnings] });
    }
    const exponent = settings.region_shape_exponent;
    const painter = new ResultPainter(image, size, { exponent, isRefined, output: options.output ?? {} });
    const results = await painter.results(answers);
    const { width, height } = size;
    return { image: { width, height }, results, ...report, embedding: image.embedding, timingsMs: clock.timingsMs };
  }
}

/** @throws TesseraError `TSR_VALIDATION` for a prompt outside the image */
async function placeInImage(prompts: readonly SegmentPrompt[], image: RequestImage): Promise<MaskPrompt[]> {
  const size = await image.size();
  checkPromptsInside(prompts, size);
  return prompts.map((prompt) => maskPrompt(prompt, size));
}

function promptAnswer(prompt: MaskPrompt, index: number): ChosenAnswer {
  return { about: { prompt: index }, score: undefined, objects: [{ prompt, probability: undefined }], warnings: [] };
}

/** The warning for points beside objects that take nothing away from them. */
function unusedPoints(prompts: readonly MaskPrompt[], used: ReadonlySet<PromptPoint>): Warning[] {
  const beside = prompts.flatMap(({ points = [] }) => points.filter(({ isOnObject }) => !isOnObject));
  const count = beside.filter((point) => !used.has(point)).length;
  return count === 0 ? [] : [{ code: 'unused_points', words: [], count }];
}

/** The warning for a query that asks for more objects than its answer has; one without any says so itself. */
function fewerFound(count: number | undefined, found: number): Warning[] {
  return count === undefined || found === 0 || found >= count ? [] : [{ code: 'fewer_found', words: [String(count)] }];
}
