import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bundle } from '@tessera/inference';
import type { PruningPlan } from '@tessera/segmentation';
import { averageImageTokens, flopsReduction, stagesFlops, type DecoderShape } from '@tessera/token-pruning';
import { loadTokenizer } from '@tessera/tokenizer';
import {
  cuts,
  differenceInterval,
  type Interval,
  metricInterval,
  repositoryRoot,
  type ReasonerEvaluation,
  type Sample,
} from '@tessera/evaluation';
import { queryGroups } from '../eval-report.js';
import { pruningMethods, withoutImageTokens, type MethodGroup } from './methods.js';

/** What is left to chance is drawn with each of these. */
const seeds = ['1', '2', '3'];

/** Figures of one group of queries. */
export interface StudyFigures {
  readonly group: string;
  readonly gIoU: Interval;
  /** Nothing where no query has a target. */
  readonly cIoU: Interval | undefined;
  /** gIoU minus the unpruned model's. */
  readonly change: Interval;
}

/** Work of a plan, as shares saved and, of the language model, in FLOPs. */
export interface StudyWork {
  readonly averageImageTokens: number;
  readonly stages: string;
  /** FLOPs 1: image tokens alone. */
  readonly imageTokenSaving: number;
  /** FLOPs 2: image and text tokens in the language model. */
  readonly languageSaving: number;
  readonly languageFlops: number;
  /** FLOPs 3: with the detector, the text encoder, SAM's encoder and one mask. */
  readonly wholeSaving: number;
}

export interface StudyRow {
  readonly method: string;
  readonly group: MethodGroup;
  readonly cut: number;
  readonly work: StudyWork;
  readonly figures: readonly StudyFigures[];
  /** gIoU on context kinds of the shipped method at the same cut minus this one's. */
  readonly behindShipped: Interval;
}

export interface StudyGate {
  readonly full: Interval;
  readonly without: Interval;
  readonly cost: Interval;
  readonly passes: boolean;
}

export interface StudyQuality {
  readonly queries: Readonly<Record<string, number>>;
  readonly textTokens: number;
  readonly gate: StudyGate;
  readonly off: readonly StudyFigures[];
  readonly offWork: StudyWork;
  readonly rows: readonly StudyRow[];
}

/** The gate asks that the language model's image tokens are worth this much gIoU on the context kinds. */
export const gateCost = 0.1;

const contextGroup = queryGroups.find(({ name }) => name === 'context kinds');

function contextSamples(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ kind }) => contextGroup?.holds(kind) ?? false);
}

/** Whether the model reads its image tokens at all: without that a comparison of pruning methods says nothing. */
export async function studyGate(evaluation: ReasonerEvaluation, off: readonly Sample[]): Promise<StudyGate> {
  const without = contextSamples(await evaluation.evaluate(withoutImageTokens(evaluation.shape)));
  const full = contextSamples(off);
  const cost = differenceInterval('gIoU', full, without);
  return {
    full: metricInterval('gIoU', full),
    without: metricInterval('gIoU', without),
    cost,
    passes: cost.value >= gateCost,
  };
}

/** Every method at every cut. */
export async function studyQuality(
  evaluation: ReasonerEvaluation,
  bundle: Bundle,
  log: (line: string) => void,
): Promise<StudyQuality> {
  const { segmenter, settings } = evaluation;
  const offPlan = segmenter.plan({ mode: 'off' });
  const off = await evaluation.evaluate(offPlan);
  const gate = await studyGate(evaluation, off);
  log(gateLine(gate));
  const textTokens = await meanTextTokens(evaluation, bundle);
  const workOf = await workCounter(evaluation.shape, textTokens);
  const rows: StudyRow[] = [];
  for (const cut of cuts) {
    let shipped: readonly Sample[] = [];
    for (const method of pruningMethods(segmenter, settings)) {
      const plan = method.planFor(cut);
      const samples = await evaluation.evaluate(plan, method.isRandom ? seeds : seeds.slice(0, 1));
      if (method.group === 'method') shipped = samples;
      const row: StudyRow = {
        method: method.name,
        group: method.group,
        cut,
        work: workOf(plan),
        figures: figuresOf(samples, off),
        behindShipped: differenceInterval('gIoU', contextSamples(shipped), contextSamples(samples)),
      };
      rows.push(row);
      log(
        `${method.name} at ${cut}: ${row.figures.map(({ group, gIoU }) => `${group} ${gIoU.value.toFixed(3)}`).join(', ')}`,
      );
    }
  }
  return {
    queries: Object.fromEntries(
      queryGroups.map(({ name, holds }) => [name, off.filter(({ kind }) => holds(kind)).length]),
    ),
    textTokens,
    gate,
    off: figuresOf(off, off),
    offWork: workOf(offPlan),
    rows,
  };
}

export function gateLine({ full, without, cost, passes }: StudyGate): string {
  return (
    `Gate ${passes ? 'passed' : 'FAILED'}: without image tokens the context kinds fall from gIoU ` +
    `${full.value.toFixed(3)} to ${without.value.toFixed(3)}, by ${cost.value.toFixed(3)} ` +
    `[${cost.low.toFixed(3)}, ${cost.high.toFixed(3)}]; at least ${gateCost.toFixed(2)} is asked for.`
  );
}

export function figuresOf(samples: readonly Sample[], off: readonly Sample[]): StudyFigures[] {
  return queryGroups.flatMap(({ name, metric, holds }): StudyFigures[] => {
    const own = samples.filter(({ kind }) => holds(kind));
    if (own.length === 0) return [];
    const unpruned = off.filter(({ kind }) => holds(kind));
    const hasTargets = metric === 'gIoU' && !name.includes('absent');
    return [
      {
        group: name,
        gIoU: metricInterval(metric, own),
        cIoU: hasTargets ? metricInterval('cIoU', own) : undefined,
        change: differenceInterval(metric, own, unpruned),
      },
    ];
  });
}

/** Pieces of the queries, with the named thing and the token that the answer is read from. */
async function meanTextTokens({ cases, settings }: ReasonerEvaluation, bundle: Bundle): Promise<number> {
  const definition = JSON.parse(Buffer.from(await bundle.readFile(settings.tokenizer)).toString('utf8')) as unknown;
  const tokenizer = loadTokenizer(definition);
  const counts = cases.flatMap(({ queries }) => queries.map(({ text }) => tokenizer.encode(text).ids.length + 2));
  return Math.round(counts.reduce((sum, count) => sum + count, 0) / counts.length);
}

/** Multiply-accumulates of the other graphs for one photo: `python bench/scripts/count_macs.py`. */
async function workCounter(shape: DecoderShape, textTokens: number): Promise<(plan: PruningPlan) => StudyWork> {
  const counted = JSON.parse(await readFile(join(repositoryRoot, 'bench/macs.json'), 'utf8')) as Record<string, number>;
  const otherMacs = Object.values(counted).reduce((sum, macs) => sum + macs, 0);
  return ({ stages }) => ({
    averageImageTokens: averageImageTokens(shape, stages),
    stages: stages.map(({ layers: [from, to], imageTokens }) => `${to - from} × ${imageTokens}`).join(', '),
    imageTokenSaving: flopsReduction(shape, stages),
    languageSaving: flopsReduction(shape, stages, { textTokens }),
    languageFlops: stagesFlops(shape, stages, { textTokens }),
    wholeSaving: flopsReduction(shape, stages, { textTokens, otherMacs }),
  });
}
