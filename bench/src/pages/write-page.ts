import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawSeenUnseenCurves } from '@tessera/composition';
import { barPlot, linePlot, markdownRows, repositoryRoot, type Axis } from '@tessera/evaluation';
import { formatFigure, type Format } from './formats.js';
import {
  readResult,
  writeResult,
  type Plot,
  type PlotAxis,
  type StudyName,
  type StudyResult,
  type Table,
} from './study-result.js';

const reference = join(repositoryRoot, 'docs', 'reference');

/** Keeps what a study found and writes its page. */
export async function publish(study: StudyName, result: StudyResult): Promise<void> {
  await writeResult(study, result);
  for (const [file, content] of Object.entries(await pageFiles(study))) await writeFile(join(reference, file), content);
  console.log(join(reference, `${study}.md`));
}

/** The page of a study and its plots, by file name, as they follow from its kept result. */
export async function pageFiles(study: StudyName): Promise<Readonly<Record<string, string>>> {
  const result = await readResult(study);
  const plots = Object.entries(result.plots).map(([file, plot]) => [file, drawPlot(plot)] as const);
  return { [`${study}.md`]: await renderPage(study, result), ...Object.fromEntries(plots) };
}

/**
 * Fills in `bench/pages/NAME.md`: `{{name}}` is a figure or the tables of that name, `{{name format}}` a figure in a format.
 *
 * @throws Error when the result lacks a name
 */
export async function renderPage(study: StudyName, { figures, tables }: StudyResult): Promise<string> {
  const template = await readFile(join(repositoryRoot, 'bench', 'pages', `${study}.md`), 'utf8');
  return template.replaceAll(/\{\{(\w+)(?: (\w+))?\}\}/g, (_, name: string, format = 'text') => {
    const figure = figures[name];
    if (figure !== undefined) return formatFigure(figure, format as Format);
    const found = tables[name];
    if (found === undefined) throw new Error(`The result of ${study} has no ${name}.`);
    return found.map(renderTable).join('\n\n');
  });
}

function renderTable({ title, columns, formats, rows }: Table): string {
  const table = markdownRows(
    columns,
    rows.map((cells) => formats.map((format, index) => formatFigure(cells[index] ?? null, format))),
  );
  return title === undefined ? table : `### ${title}\n\n${table}`;
}

function drawPlot(plot: Plot): string {
  switch (plot.kind) {
    case 'lines':
      return linePlot(
        plot.title,
        axisOf(plot.x),
        axisOf(plot.y),
        plot.series.map(({ name, hasBand, points }) => ({
          name,
          hasBand,
          points: points.map(([x, y, low, high]) => ({ x, y, low, high })),
        })),
      );
    case 'bars':
      return barPlot(
        plot.title,
        plot.bars.map(([name, value]) => ({ name, value, label: formatFigure(value, plot.format) })),
      );
    case 'curves':
      return drawSeenUnseenCurves(
        plot.title,
        plot.series.map(({ name, points, best, auc, bestHm }) => {
          const curve = points.map(([unseen, seen], bias) => ({ bias, seen, unseen }));
          const largest = (key: 'seen' | 'unseen'): number => Math.max(...curve.map((point) => point[key]));
          const bests = { best_seen: largest('seen'), best_unseen: largest('unseen'), best_hm: bestHm };
          return { name, evaluation: { curve, metrics: { ...bests, auc, bias: best } } };
        }),
      );
  }
}

function axisOf({ format, ...axis }: PlotAxis): Axis {
  return { ...axis, format: (value) => formatFigure(value, format) };
}
