import type { SegmentResponse } from '@tessera/contracts';
import sharp from 'sharp';
import { encodeForm, post } from '../speed/service.js';
import { height, maskPath, svg, width } from './street-scene.js';

const query = 'the traffic light to the right of the stop sign';
const captionHeight = 64;
const gap = 12;
const colours = { cell: '#ffffff', region: '#ffb000', answer: '#00e05a' };

/** Asks about `scene` and draws which image tokens each stage saw, stage by stage, and the answer in the last. */
export async function drawTokenMap(url: string, scene: Buffer, file: string): Promise<void> {
  const form = await encodeForm(scene, { query, output: { format: 'polygon', token_map: true } });
  const { results, token_layout: layout } = await post<SegmentResponse>(`${url}/segment`, form);
  const [result] = results;
  if (result?.token_map === undefined || layout === undefined) throw new Error('the service gave no token map');
  const panels = result.token_map.map(({ name, layers: [from, to], tokens }, index, { length }) => {
    const marks = tokens.map((token) => tokenShape(token, layout)).join('');
    const isLast = index === length - 1;
    const answer = `<path d="${isLast ? maskPath(result) : ''}" fill="${colours.answer}" fill-opacity="0.75" fill-rule="evenodd"/>`;
    const stage = `${name}: layers ${from + 1} to ${to}, ${tokens.length} of ${tokenCount(layout)} image tokens`;
    return `<g><rect width="${width}" height="${height}" fill="black" fill-opacity="0.55"/>${marks}${answer}</g>${caption(stage)}`;
  });
  const step = height + captionHeight + gap;
  const background = '#ffffff';
  await sharp({ create: { width, height: step * panels.length - gap, channels: 3, background } })
    .composite(
      panels.flatMap((panel, index) => [
        { input: scene, top: index * step, left: 0 },
        { input: Buffer.from(svg(height + captionHeight, panel)), top: index * step, left: 0 },
      ]),
    )
    .png({ palette: true })
    .toFile(file);
}

type Layout = NonNullable<SegmentResponse['token_layout']>;

function tokenCount({ grid: [rows, columns], regions }: Layout): number {
  return rows * columns + regions.length;
}

/** A cell lights up; a region is a frame. */
function tokenShape(token: number, { grid: [rows, columns], regions }: Layout): string {
  if (token < rows * columns) {
    const [cellWidth, cellHeight] = [width / columns, height / rows];
    const [x, y] = [(token % columns) * cellWidth, Math.floor(token / columns) * cellHeight];
    return `<rect x="${x}" y="${y}" width="${cellWidth}" height="${cellHeight}" fill="${colours.cell}" fill-opacity="0.35"/>`;
  }
  const [x, y, boxWidth, boxHeight] = regions[token - rows * columns] ?? [0, 0, 0, 0];
  return `<rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" fill="none" stroke="${colours.region}" stroke-width="4"/>`;
}

function caption(text: string): string {
  return `<text x="24" y="${height + 42}" font-family="sans-serif" font-size="26" fill="#222">${text}</text>`;
}
