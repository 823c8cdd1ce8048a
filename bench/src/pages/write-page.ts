import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawLinePlot, drawSeenUnseenCurves, type PlotAxis } from '@tessera/composition';
import { formatFigure, markdownRows, repositoryRoot, type Format } from '@tessera/evaluation';
import {
  readResult,
  writeResult,
  type FormattedAxis,
  type Plot,
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
  return { [`${study}.md`]: await renderTemplate(study, result), ...Object.fromEntries(plots) };
}

/**
 * Fills in `bench/pages/NAME.md`: `{{name}}` is a figure or the tables of that name, `{{name format}}` a figure in a format.
 *
 * @throws Error when the result lacks a name
 */
export async function renderTemplate(page: string, { figures, tables }: StudyResult): Promise<string> {
  const template = await readFile(join(repositoryRoot, 'bench', 'pages', `${page}.md`), 'utf8');
  return template.replaceAll(/\{\{(\w+)(?: (\w+))?\}\}/g, (_, name: string, format = 'text') => {
    const figure = figures[name];
    if (figure !== undefined) return formatFigure(figure, format as Format);
    const found = tables[name];
    if (found === undefined) throw new Error(`The result of ${page} has no ${name}.`);
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
  if (plot.kind === 'curves') return drawSeenUnseenCurves(plot.title, plot.series);
  const series = plot.series.map(({ name, hasBand, points }) => {
    const line = points.map(([x, y]) => [x, y] as const);
    const upper = points.map(([x, , , high]) => [x, high] as const);
    const lower = points.map(([x, , low]) => [x, low] as const);
    return { name, points: line, dots: line, area: hasBand ? [...upper, ...lower.reverse()] : [] };
  });
  return drawLinePlot({ title: plot.title, x: axisOf(plot.x), y: axisOf(plot.y), series });
}

function axisOf({ format, ...axis }: FormattedAxis): PlotAxis {
  return { ...axis, format: (value) => formatFigure(value, format) };
}
