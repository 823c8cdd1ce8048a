import { join } from 'node:path';
import { escapeXml } from '@tessera/composition';
import { targetMask, type CocoSplit } from '@tessera/evaluation';
import { decodeRle, maskToPolygons, type BinaryMask } from '@tessera/masks';
import sharp, { type OverlayOptions } from 'sharp';
import type { Outcome } from './eval-report.js';

// The images package, which the evaluation loads too, blocks what the service need not read; the sheet draws with SVG.
sharp.unblock({ operation: ['VipsForeignLoadSvgBuffer'] });

const columns = 6;
const tilesPerSheet = 48;
const tileWidth = 240;
const tileHeight = 200;
const captionHeight = 34;
const background = '#ffffff';

/**
 * Writes PNGs to look at, one tile a query: the photo with the prediction filled, the target outlined, and the words and
 * the IoU below.
 */
export async function writeContactSheet(
  directory: string,
  name: string,
  coco: CocoSplit,
  outcomes: readonly Outcome[],
): Promise<void> {
  for (let start = 0; start < outcomes.length; start += tilesPerSheet) {
    const chosen = outcomes.slice(start, start + tilesPerSheet);
    const layers: OverlayOptions[] = [];
    for (const [index, outcome] of chosen.entries()) {
      const [left, top] = [(index % columns) * tileWidth, Math.floor(index / columns) * tileHeight];
      for (const input of await drawTile(coco, outcome)) layers.push({ input, left, top });
    }
    const file = join(directory, `${name}-${String(start / tilesPerSheet + 1)}.png`);
    const [width, height] = [columns * tileWidth, Math.ceil(chosen.length / columns) * tileHeight];
    const sheet = sharp({ create: { width, height, channels: 3, background } });
    await sheet.composite(layers).png({ palette: true }).toFile(file);
    console.log(file);
  }
}

/** The photo, and a drawing to lay over it. */
async function drawTile(coco: CocoSplit, { photo, query, result, overlap }: Outcome): Promise<Buffer[]> {
  const scale = Math.min(tileWidth / photo.width, (tileHeight - captionHeight) / photo.height);
  const size = { width: Math.floor(photo.width * scale), height: Math.floor(photo.height * scale) };
  if (!('counts' in result.mask)) throw new Error('The contact sheet draws RLE masks.');
  const target = targetMask(photo, query.annotations, []);
  const iou = overlap.union === 0 ? 1 : overlap.intersection / overlap.union;
  const colour = iou >= 0.5 ? '#0a7a0a' : iou >= 0.2 ? '#b06000' : '#c00000';
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="${tileWidth}" height="${tileHeight}">
    <g transform="scale(${scale})">
      <path d="${outline(decodeRle(result.mask))}" fill="#ff00aa" fill-opacity="0.5" fill-rule="evenodd"/>
      <path d="${outline(target)}" fill="none" stroke="#00e5ff" stroke-width="${1.5 / scale}"/>
    </g>
    <text x="2" y="${tileHeight - 20}" font-family="sans-serif" font-size="11">${escapeXml(query.text.slice(0, 38))}</text>
    <text x="2" y="${tileHeight - 6}" font-family="sans-serif" font-size="11" fill="${colour}">${photo.id} ${query.kind} · IoU ${iou.toFixed(2)} · score ${result.score.toFixed(2)}</text>
  </svg>`;
  const resized = sharp(await coco.readPhoto(photo)).resize({ ...size, fit: 'fill' });
  return [await resized.png().toBuffer(), Buffer.from(drawing)];
}

function outline(mask: BinaryMask): string {
  // An SVG path takes numbers one after the other as the corners of a line.
  return maskToPolygons(mask)
    .map((points) => `M${points.join(' ')}Z`)
    .join('');
}
