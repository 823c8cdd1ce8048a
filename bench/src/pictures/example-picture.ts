import { join } from 'node:path';
import type { SegmentQueryResult, SegmentResponse } from '@tessera/contracts';
import { repositoryRoot } from '@tessera/evaluation';
import sharp from 'sharp';
import { encodeForm, post, startService } from '../speed/service.js';
import { height, maskPath, streetScene, svg, width } from './street-scene.js';
import { drawTokenMap } from './token-map-picture.js';

/**
 * `npm run docs:picture`: draws a street, asks the embedded server about it, and writes the README's picture and that of a
 * token map.
 */
const output = join(repositoryRoot, 'docs/images/example.png');
const tokenMapOutput = join(repositoryRoot, 'docs/images/token-map.png');
const lineHeight = 34;
const questions = [
  { query: 'the stop sign', colour: '#ff2bd6' },
  { query: 'the traffic light to the right of the stop sign', colour: '#00b84a' },
  { query: 'the dog', colour: '#777777' },
];

const service = await startService(repositoryRoot);
try {
  const scene = await streetScene();
  const masks: string[] = [];
  const captions: string[] = [];
  for (const [index, { query, colour }] of questions.entries()) {
    const form = await encodeForm(scene, { query, output: { format: 'polygon' } });
    const {
      results: [result],
    } = await post<SegmentResponse>(`${service.url}/segment`, form);
    if (!result) throw new Error(`no answer to "${query}"`);
    masks.push(
      `<path d="${maskPath(result)}" fill="${colour}" fill-opacity="0.45" fill-rule="evenodd" stroke="${colour}" stroke-width="3"/>`,
    );
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
  await drawTokenMap(service.url, scene, tokenMapOutput);
  console.log(tokenMapOutput);
} finally {
  await service.stop();
}

function caption({ query, present, score }: SegmentQueryResult, colour: string, index: number): string {
  const y = lineHeight * (index + 1);
  const answer = present ? `present, score ${score.toFixed(2)}` : `not present, score ${score.toFixed(2)}`;
  return `<rect x="24" y="${y - 18}" width="22" height="22" fill="${colour}" fill-opacity="${present ? 0.6 : 0}" stroke="${colour}" stroke-width="2"/>
    <text x="60" y="${y}" font-family="sans-serif" font-size="22" fill="#222">“${query}” – ${answer}</text>`;
}
