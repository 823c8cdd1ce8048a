import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SegmentQueryResult, SegmentResponse } from '@tessera/contracts';
import { postSegment, startEmbedded } from '@tessera/tests';
import sharp from 'sharp';

/** `npm run docs:picture`: draws a street, asks the embedded server about it, and writes the README's picture. */
const output = fileURLToPath(new URL('../../docs/images/example.png', import.meta.url));
const width = 960;
const height = 600;
const lineHeight = 34;
const questions = [
  { query: 'the stop sign', colour: '#ff2bd6' },
  { query: 'something that tells the time', colour: '#0091ff' },
  { query: 'the traffic light', colour: '#00b84a' },
  { query: 'the dog', colour: '#777777' },
];

const directory = await mkdtemp(join(tmpdir(), 'tessera-example-'));
const service = await startEmbedded({ DATA_DIR: directory, LOG_LEVEL: 'warn' });
try {
  const scene = await sharp(Buffer.from(svg(height, street())))
    .jpeg({ quality: 92 })
    .toBuffer();
  const masks: string[] = [];
  const captions: string[] = [];
  for (const [index, { query, colour }] of questions.entries()) {
    const response = await postSegment(service.url, scene, query, { options: { output: { format: 'polygon' } } });
    const [result] = ((await response.json()) as SegmentResponse).results;
    if (!result) throw new Error(`no answer to "${query}"`);
    masks.push(maskShape(result, colour));
    captions.push(caption(result, colour, index));
  }
  const captionHeight = lineHeight * questions.length + lineHeight / 2;
  await sharp({ create: { width, height: height + captionHeight, channels: 3, background: '#ffffff' } })
    .composite([
      { input: scene, top: 0, left: 0 },
      { input: Buffer.from(svg(height, masks.join(''))), top: 0, left: 0 },
      { input: Buffer.from(svg(captionHeight, captions.join(''))), top: height, left: 0 },
    ])
    .png({ palette: true })
    .toFile(output);
  console.log(output);
} finally {
  await service.process.stop('SIGTERM');
  await rm(directory, { recursive: true, force: true });
}

function maskShape({ mask }: SegmentQueryResult, colour: string): string {
  if (!('polygons' in mask)) throw new Error('the example draws polygons');
  const path = mask.polygons.map((points) => `M${points.join(' ')}Z`).join('');
  return `<path d="${path}" fill="${colour}" fill-opacity="0.45" fill-rule="evenodd" stroke="${colour}" stroke-width="3"/>`;
}

function caption({ query, present, score }: SegmentQueryResult, colour: string, index: number): string {
  const y = lineHeight * (index + 1);
  const answer = present ? `present, score ${score.toFixed(2)}` : `not present, score ${score.toFixed(2)}`;
  return `<rect x="24" y="${y - 18}" width="22" height="22" fill="${colour}" fill-opacity="${present ? 0.6 : 0}" stroke="${colour}" stroke-width="2"/>
    <text x="60" y="${y}" font-family="sans-serif" font-size="22" fill="#222">“${query}” – ${answer}</text>`;
}

function street(): string {
  const hours = Array.from({ length: 12 }, (_, hour) => {
    const [x, y] = [Math.cos((hour * Math.PI) / 6), Math.sin((hour * Math.PI) / 6)];
    return `<line x1="${480 + 62 * x}" y1="${190 + 62 * y}" x2="${480 + 72 * x}" y2="${190 + 72 * y}" stroke="#222" stroke-width="5"/>`;
  });
  const corners = Array.from({ length: 8 }, (_, corner) => {
    const angle = ((2 * corner + 1) * Math.PI) / 8;
    return `${180 + 92 * Math.cos(angle)},${190 + 92 * Math.sin(angle)}`;
  });
  return `<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#8ec5f0"/><stop offset="1" stop-color="#e8f3fb"/></linearGradient>
    <rect width="${width}" height="${height}" fill="url(#sky)"/>
    <rect x="330" y="60" width="300" height="440" fill="#b98a6a"/><rect x="330" y="60" width="300" height="26" fill="#8c5f45"/>
    <circle cx="480" cy="190" r="82" fill="#f7f3e6" stroke="#2b2b2b" stroke-width="12"/>${hours.join('')}
    <line x1="480" y1="190" x2="480" y2="132" stroke="#111" stroke-width="7" stroke-linecap="round"/>
    <line x1="480" y1="190" x2="520" y2="212" stroke="#111" stroke-width="8" stroke-linecap="round"/>
    <rect y="480" width="${width}" height="120" fill="#777c80"/><rect y="470" width="${width}" height="14" fill="#b9bdbf"/>
    <rect x="173" y="200" width="14" height="330" fill="#8d9296"/>
    <polygon points="${corners.join(' ')}" fill="#b5121b" stroke="white" stroke-width="7"/>
    <text x="180" y="212" font-family="sans-serif" font-weight="bold" font-size="60" fill="white" text-anchor="middle">STOP</text>
    <rect x="772" y="260" width="16" height="270" fill="#444"/><rect x="738" y="70" width="84" height="212" rx="14" fill="#20242a"/>
    <circle cx="780" cy="112" r="26" fill="#e0322b"/><circle cx="780" cy="176" r="26" fill="#5a4a12"/><circle cx="780" cy="240" r="26" fill="#12401f"/>`;
}

function svg(svgHeight: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${svgHeight}">${content}</svg>`;
}
