import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawLinePlot, type PlotAxis } from '@tessera/composition';
import {
  contextKinds,
  markdownRows,
  ReasonerEvaluation,
  repositoryRoot,
  writeSection,
  type QueryKind,
  type Runtime,
} from '@tessera/evaluation';
import { expectedCalibrationError, reliability, withTrueShare, type Prediction } from './reliability.js';

/**
 * The share of queries about context that are taken to have a target: whoever says where an object is has mostly seen it.
 * And the detector, which knows the training photos from its own training, is less certain elsewhere.
 */
export const presentShare = 0.9;
/** The same of queries for a class, as the calibration of `tessera-baseline` has it. */
const classPresentShare = 0.5;

/** Measures the scores of the built bundle on the val photos; writes the plot and the table of the model card. */
export async function plotReliability(runtime: Runtime): Promise<void> {
  const evaluation = await ReasonerEvaluation.create(runtime, 'val', 'shapes');
  const all: (Omit<Prediction, 'weight'> & { kind: QueryKind })[] = [];
  for (const { photo, queries } of evaluation.cases) {
    const answers = await evaluation.reason(photo, queries, evaluation.plan());
    for (const [index, { kind, annotations }] of queries.entries()) {
      const probability = answers[index]?.choice.score ?? 0;
      all.push({ kind, probability, isTrue: annotations.length > 0 });
    }
  }
  const isContext = (kind: QueryKind): boolean => contextKinds.includes(kind) || kind === 'context_absent';
  const context = withTrueShare(
    all.filter(({ kind }) => isContext(kind)),
    presentShare,
  );
  const others = withTrueShare(
    all.filter(({ kind }) => !isContext(kind)),
    classPresentShare,
  );
  const groups = [
    { name: 'all', predictions: [...others, ...context] },
    { name: 'classes', predictions: others },
    { name: 'context', predictions: context },
  ];
  const table = markdownRows(
    ['queries', 'number', 'ECE'],
    groups.map(({ name, predictions }) => [
      name,
      String(predictions.length),
      expectedCalibrationError(predictions).toFixed(3),
    ]),
  );
  console.log(table);
  await writeSection('docs/reference/tessera-mini.md', 'calibration', table);
  const axis = (label: string): PlotAxis => ({ label, from: 0, to: 1, step: 0.2, format: (value) => value.toFixed(1) });
  const svg = drawLinePlot({
    title: 'Does a score of p have a target in p of the cases?',
    x: axis('score'),
    y: axis('queries that have a target'),
    hasDiagonal: true,
    series: groups.map(({ name, predictions }) => {
      const points = reliability(predictions).map(({ predicted, observed }) => [predicted, observed] as const);
      return { name: `${name}, ECE ${expectedCalibrationError(predictions).toFixed(3)}`, points, dots: points };
    }),
  });
  await writeFile(join(repositoryRoot, 'docs/reference/tessera-mini-reliability.svg'), svg);
}
