import {
  segmentLimits,
  TesseraError,
  type ContextRegion,
  type PredictedRegion,
  type Prediction,
  type PredictTask,
  type SegmentJob,
  type SegmentPrompt,
  type SegmentQueryResult,
  type SegmentResponse,
} from '@tessera/contracts';
import type { UntrustedRle } from '@tessera/masks';
import type { GatewayContext } from '../context.js';
import { at } from '../intake/several-at-once.js';
import { storedImageHeader, storeImage } from '../intake/store-image.js';
import { runSegmentation, type JobAsker } from '../jobs/run-job.js';
import { readInteraction, type Interaction } from './interaction.js';
import type { LabelingConfig, RegionControl } from './labeling-config.js';
import { regionsOf } from './regions.js';
import { taskImage } from './task-image.js';

/** Most queries that the labels of a configuration ask of one image. */
const mostQueries = 128;
/** Kinds of controls, the preferred one first: a label that several controls have is answered once. */
const preference = ['brushlabels', 'polygonlabels', 'rectanglelabels'] as const;

/** One question about an image, and the label of its answer. */
interface Question {
  readonly control: RegionControl;
  readonly label: string;
  readonly query?: string;
  readonly prompt?: SegmentPrompt;
}

/** The controls of one image that predictions are made for, and where tasks have it. */
export interface Target {
  readonly controls: readonly RegionControl[];
  /** Field of a task's data. */
  readonly field: string;
}

/**
 * The image that predictions are made for: the first that a control other than a smart one is for, or else the first.
 *
 * @throws TesseraError `TSR_VALIDATION` when there is nothing to draw answers with, or there are too many labels
 */
export function targetOf({ controls, images }: LabelingConfig, pointer: string): Target {
  const answering = controls.some(({ isSmart }) => !isSmart) ? controls.filter(({ isSmart }) => !isSmart) : controls;
  const toName = answering[0]?.toName;
  const field = toName === undefined ? undefined : images.get(toName);
  if (field === undefined) {
    const message = 'has no BrushLabels, PolygonLabels or RectangleLabels for an Image with value="$…"';
    throw TesseraError.invalid([{ pointer, message }]);
  }
  const target = { controls: answering.filter((control) => control.toName === toName), field };
  const queries = labelQuestions(target).length;
  if (queries > mostQueries) {
    throw TesseraError.invalid([
      { pointer, message: `has ${queries} labels to ask for; at most ${mostQueries} are answered` },
    ]);
  }
  return target;
}

/**
 * The prediction for a task.
 *
 * @param context - what an annotator has drawn and typed; undefined when nobody has
 * @throws TesseraError as `storeImage` and `runSegmentation` do, and `TSR_VALIDATION` for a task without the image
 */
export async function predictTask(
  { data }: PredictTask,
  target: Target,
  drawn: readonly ContextRegion[] | undefined,
  pointer: string,
  gateway: GatewayContext,
  asker: JobAsker,
): Promise<Prediction> {
  const place = `${pointer}/data/${target.field}`;
  const value = data[target.field];
  if (typeof value !== 'string' || value === '') {
    throw TesseraError.invalid([{ pointer: place, message: 'is the image of the task, and must be a text' }]);
  }
  const imageId = await at(place, storeTaskImage(value, gateway, asker.client));
  const size = await at(place, storedImageHeader(imageId, gateway));
  const questions = drawn === undefined ? labelQuestions(target) : drawnQuestions(target, readInteraction(drawn, size));
  const regions: PredictedRegion[] = [];
  let model: string | undefined;
  for (const { job, asked } of jobsOf(imageId, questions)) {
    const response = await runSegmentation(job, gateway, asker);
    model = response.model;
    regions.push(...asked.flatMap((question, index) => answerRegions(question, response, index)));
  }
  const score = regions.reduce((sum, region) => sum + region.score, 0) / Math.max(1, regions.length);
  return { result: regions, score, model_version: model ?? '' };
}

async function storeTaskImage(value: string, gateway: GatewayContext, client: AbortSignal): Promise<string> {
  const { source, trustedOrigin } = taskImage(value, gateway.config);
  return storeImage(source, new Map(), gateway, client, trustedOrigin);
}

/** Every label by its words. */
function labelQuestions({ controls }: Target): Question[] {
  const questions = new Map<string, Question[]>();
  for (const kind of preference) {
    for (const control of controls.filter((candidate) => candidate.kind === kind)) {
      for (const { name, queries } of control.labels) {
        if (!questions.has(name))
          questions.set(
            name,
            queries.map((query) => ({ control, label: name, query })),
          );
      }
    }
  }
  return [...questions.values()].flat();
}

/** What an annotator asks for; a text with one drawing is a query that the drawing corrects. */
function drawnQuestions(target: Target, { texts, prompts }: Interaction): Question[] {
  const [text, ...otherTexts] = texts;
  const [drawing, ...otherDrawings] = prompts;
  if (text !== undefined && drawing !== undefined && otherTexts.length === 0 && otherDrawings.length === 0) {
    return [{ ...placeOf(target, drawing.label, text), query: text, prompt: drawing.prompt }];
  }
  return [
    ...texts.map((query) => ({ ...placeOf(target, query, query), query })),
    ...prompts.map(({ label, prompt }) => ({ ...placeOf(target, label, ''), prompt })),
  ];
}

/** Where an answer belongs: to the label of this name, or whose words the text has; otherwise to the first. */
function placeOf({ controls }: Target, label: string, text: string): Pick<Question, 'control' | 'label'> {
  const places = preference.flatMap((kind) =>
    controls
      .filter((control) => control.kind === kind)
      .flatMap((control) => control.labels.map((choice) => ({ control, choice }))),
  );
  const isSame = (left: string, right: string) => left.toLowerCase() === right.toLowerCase();
  const found =
    places.find(({ choice }) => choice.name === label) ??
    places.find(({ choice }) => [choice.name, ...choice.queries].some((words) => isSame(words, text))) ??
    places[0];
  const [control] = controls;
  if (found !== undefined) return { control: found.control, label: found.choice.name };
  if (control === undefined) throw new RangeError('A target has controls');
  return { control, label };
}

/** The questions as jobs: queries together, as many as a job takes; prompts alone together; a query with its prompt alone. */
function jobsOf(imageId: string, questions: readonly Question[]): { job: SegmentJob; asked: readonly Question[] }[] {
  const words = questions.filter(({ query, prompt }) => query !== undefined && prompt === undefined);
  const drawings = questions.filter(({ query, prompt }) => query === undefined && prompt !== undefined);
  const corrections = questions.filter(({ query, prompt }) => query !== undefined && prompt !== undefined);
  const groups: (readonly Question[])[] = [drawings, ...corrections.map((question) => [question])];
  for (let start = 0; start < words.length; start += segmentLimits.queries) {
    groups.push(words.slice(start, start + segmentLimits.queries));
  }
  return groups
    .filter((asked) => asked.length > 0)
    .map((asked) => {
      const prompts = asked.flatMap(({ prompt }) => prompt ?? []);
      const queries = asked.flatMap(({ query }) => query ?? []);
      const options = { output: { format: 'rle', instances: true }, refine: true, threshold: 0.5 } as const;
      const job = { kind: 'segment', imageId, queries, ...(prompts.length > 0 && { prompts }), options } as const;
      return { job, asked };
    });
}

/** The regions of one answer: of words an object each, of a drawing one. */
function answerRegions(
  { control, label, prompt }: Question,
  { results, image: { width, height } }: SegmentResponse,
  index: number,
): PredictedRegion[] {
  const result = results[index];
  if (result === undefined) return [];
  const place = { kind: control.kind, fromName: control.name, toName: control.toName, label, width, height };
  return objectsOf(result, prompt !== undefined).flatMap(({ mask, score }) => regionsOf({ ...place, mask, score }));
}

function objectsOf(result: SegmentQueryResult, isDrawn: boolean): { mask: UntrustedRle; score: number }[] {
  const { present, instances = [], mask, score, mask_score: maskScore } = result;
  if (isDrawn) return [{ mask: mask as UntrustedRle, score: maskScore ?? score }];
  return present ? instances.map((instance) => ({ mask: instance.mask as UntrustedRle, score: instance.score })) : [];
}
