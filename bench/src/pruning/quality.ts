import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  contextKinds,
  differenceInterval,
  figuresByGroup,
  mean,
  metricInterval,
  repositoryRoot,
  withInterval,
  type GroupFigures,
  type Interval,
  type ReasonerEvaluation,
  type Sample,
} from '@tessera/evaluation';
import type { Bundle } from '@tessera/inference';
import type { PruningPlan } from '@tessera/segmentation';
import { flopsReduction, stagesFlops, type DecoderShape } from '@tessera/token-pruning';
import { loadTokenizer } from '@tessera/tokenizer';
import { measuredPlans, type MeasuredPlan } from './methods.js';

/** What is left to chance is drawn with each of these. */
const seeds = ['1', '2', '3'];
/** The gate asks that the language model's image tokens are worth this much gIoU on the context kinds. */
const gateCost = 0.15;

/** Work of a plan, as shares of FLOPs saved and, of the language model, in FLOPs. */
export interface PlanWork {
  /** Layers × image tokens of each stage. */
  readonly stages: string;
  /** FLOPs 1: image tokens alone. */
  readonly imageTokenSaving: number;
  /** FLOPs 2: image and text tokens in the language model. */
  readonly languageSaving: number;
  /** FLOPs 3: with the detector, the text encoder, SAM's encoder and one mask. */
  readonly wholeSaving: number;
  readonly languageFlops: number;
}

export interface QualityRow extends Omit<MeasuredPlan, 'plan'> {
  readonly work: PlanWork;
  /** Gains are over the unpruned model. */
  readonly figures: readonly GroupFigures[];
  /** gIoU on context kinds of the shipped method at the same cut minus this one's. */
  readonly behindShipped: Interval;
}

export interface StudyQuality {
  readonly textTokens: number;
  readonly gate: string;
  /** The unpruned model first. */
  readonly rows: readonly QualityRow[];
}

const inContext = (samples: readonly Sample[]): Sample[] => samples.filter(({ kind }) => contextKinds.includes(kind));

/**
 * Whether the model reads its image tokens at all: without that a comparison of pruning methods shows nothing. The fewest
 * that the graph takes is one, the cell in the top left corner; the regions' scores compare the answer with their embeddings.
 */
export async function studyGate(evaluation: ReasonerEvaluation): Promise<string> {
  const full = inContext(await evaluation.evaluate(evaluation.plan({ mode: 'off' })));
  const stages = [{ name: 'selection', layers: [0, evaluation.shape.layers], imageTokens: 1 }] as const;
  const one = { mode: 'random', stages, selection: 'uniform', scatter: 'skip' } as const;
  const without = inContext(await evaluation.evaluate(one));
  const cost = differenceInterval('gIoU', full, without);
  const [from, to] = [full, without].map((samples) => metricInterval('gIoU', samples).value.toFixed(3));
  return (
    `Gate ${cost.value >= gateCost ? 'passed' : 'FAILED'}: without image tokens the context kinds fall from gIoU ` +
    `${from} to ${to}, by ${withInterval(cost)}; at least ${gateCost.toFixed(2)} is asked for.`
  );
}

/** Every method at every cut. */
export async function studyQuality(evaluation: ReasonerEvaluation, bundle: Bundle): Promise<StudyQuality> {
  const gate = await studyGate(evaluation);
  console.log(gate);
  const textTokens = await meanTextTokens(evaluation, bundle);
  const workOf = await workCounter(evaluation.shape, textTokens);
  const rows: QualityRow[] = [];
  let [off, shipped]: (readonly Sample[])[] = [];
  for (const { plan, ...measured } of measuredPlans(evaluation)) {
    const samples = await evaluation.evaluate(plan, measured.isRandom ? seeds : seeds.slice(0, 1));
    off ??= samples;
    if (shipped === undefined || measured.group === 'method') shipped = samples;
    const figures = figuresByGroup(samples, off);
    const behindShipped = differenceInterval('gIoU', inContext(shipped), inContext(samples));
    rows.push({ ...measured, work: workOf(plan), figures, behindShipped });
    const line = figures.map(({ group, gIoU }) => `${group} ${gIoU.value.toFixed(3)}`).join(', ');
    console.log(`${measured.method} at ${measured.cut}: ${line}`);
  }
  return { textTokens, gate, rows };
}

/** Pieces of the queries, with the named object and the token that the answer is read from. */
async function meanTextTokens({ cases, settings }: ReasonerEvaluation, bundle: Bundle): Promise<number> {
  const definition = JSON.parse(Buffer.from(await bundle.readFile(settings.tokenizer)).toString('utf8')) as unknown;
  const tokenizer = loadTokenizer(definition);
  const texts = cases.flatMap(({ queries }) => queries.map(({ text }) => text));
  return Math.round(mean(texts.map((text) => tokenizer.encode(text).ids.length + 2)));
}

/** Multiply-accumulates of the other graphs for one photo: `python bench/scripts/count_macs.py`. */
async function workCounter(shape: DecoderShape, textTokens: number): Promise<(plan: PruningPlan) => PlanWork> {
  const counted = JSON.parse(await readFile(join(repositoryRoot, 'bench/macs.json'), 'utf8')) as Record<string, number>;
  const otherMacs = Object.values(counted).reduce((sum, macs) => sum + macs, 0);
  return ({ stages }) => ({
    stages: stages.map(({ layers: [from, to], imageTokens }) => `${to - from} × ${imageTokens}`).join(', '),
    imageTokenSaving: flopsReduction(shape, stages),
    languageSaving: flopsReduction(shape, stages, { textTokens }),
    wholeSaving: flopsReduction(shape, stages, { textTokens, otherMacs }),
    languageFlops: stagesFlops(shape, stages, { textTokens }),
  });
}
