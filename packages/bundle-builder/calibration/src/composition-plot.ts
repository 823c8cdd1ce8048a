import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawLinePlot, type PlotAxis } from '@tessera/composition';
import type { LogisticCalibration } from '@tessera/contracts';
import { markdownRows, median, repositoryRoot, writeSection } from '@tessera/evaluation';
import { probability } from '@tessera/runtime';
import { caseKinds, caseWeights } from './composition-cases.js';
import type { NoneEvidence } from './composition-evidence.js';
import { areaUnderRoc, brierScore, expectedCalibrationError, reliability, type Prediction } from './reliability.js';

/** Cases with the calibration that serves them. */
export interface MeasuredCases {
  readonly name: string;
  readonly cases: readonly NoneEvidence[];
  readonly calibration: LogisticCalibration;
}

const page = 'docs/reference/tessera-dual.md';

/** Writes the tables of the model card and draws its reliability plot. */
export async function plotNone(measured: readonly MeasuredCases[]): Promise<void> {
  const groups = measured.map(({ name, cases, calibration }) => ({ name, cases: predict(cases, calibration) }));
  const quality = markdownRows(
    ['candidates', 'cases', 'AUROC', 'AUROC, other things', 'Brier', 'ECE'],
    groups.map(({ name, cases }) => {
      const fittingOrFar = cases.filter(({ kind }) => kind === 'fits' || kind === 'other things');
      return [
        name,
        String(cases.length),
        ...[areaUnderRoc(cases), areaUnderRoc(fittingOrFar), brierScore(cases)].map((value) => value.toFixed(3)),
        expectedCalibrationError(cases).toFixed(3),
      ];
    }),
  );
  const sources = [
    ['garment', true],
    ['object of COCO', false],
  ] as const;
  const byKind = markdownRows(
    ['photo of', 'candidates', ...groups.map(({ name }) => `median \`none\`, ${name}`)],
    sources.flatMap(([source, isGarment]) =>
      caseKinds.flatMap((kind) => {
        const medians = groups.map(({ cases }) => {
          const own = cases.filter((item) => item.kind === kind && item.isGarment === isGarment);
          return own.length === 0 ? '–' : median(own.map((item) => item.probability)).toFixed(2);
        });
        return medians.every((text) => text === '–') ? [] : [[source, kind, ...medians]];
      }),
    ),
  );
  console.log(`${quality}\n\n${byKind}`);
  await writeSection(page, 'none', `${quality}\n\n${byKind}`);
  const axis = (label: string): PlotAxis => ({ label, from: 0, to: 1, step: 0.2, format: (value) => value.toFixed(1) });
  const svg = drawLinePlot({
    title: 'Does none of the candidates fit in p of the cases?',
    x: axis('none'),
    y: axis('cases without a fitting candidate'),
    hasDiagonal: true,
    series: groups.map(({ name, cases }) => {
      const points = reliability(cases).map(({ predicted, observed }) => [predicted, observed] as const);
      return { name: `${name}, ECE ${expectedCalibrationError(cases).toFixed(3)}`, points, dots: points };
    }),
  });
  await writeFile(join(repositoryRoot, 'docs/reference/tessera-dual-reliability.svg'), svg);
}

function predict(cases: readonly NoneEvidence[], calibration: LogisticCalibration): (NoneEvidence & Prediction)[] {
  const weights = caseWeights(cases);
  return cases.map((item, index) => ({
    ...item,
    probability: probability(calibration, item.features),
    isTrue: item.kind !== 'fits',
    weight: weights[index] ?? 0,
  }));
}
