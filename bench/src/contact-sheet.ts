import { join } from 'node:path';
import { decodeRle, maskToPolygons, type BinaryMask } from '@tessera/masks';
import sharp from 'sharp';
import { type CocoSplit, targetMask } from '@tessera/evaluation';
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
    const tiles: Buffer[] = [];
    for (const outcome of chosen) tiles.push(await drawTile(coco, outcome));
    const file = join(directory, `${name}-${String(start / tilesPerSheet + 1)}.png`);
    await sharp({
      create: {
        width: columns * tileWidth,
        height: Math.ceil(tiles.length / columns) * tileHeight,
        channels: 3,
        background,
      },
    })
      .composite(
        tiles.map((input, index) => ({
          input,
          left: (index % columns) * tileWidth,
          top: Math.floor(index / columns) * tileHeight,
        })),
      )
      .png({ palette: true })
      .toFile(file);
    console.log(file);
  }
}

async function drawTile(coco: CocoSplit, { photo, query, result, overlap }: Outcome): Promise<Buffer> {
  const scale = Math.min(tileWidth / photo.width, (tileHeight - captionHeight) / photo.height);
  const width = Math.floor(photo.width * scale);
  const height = Math.floor(photo.height * scale);
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
  const image = await sharp(await coco.readPhoto(photo))
    .resize({ width, height, fit: 'fill' })
    .toBuffer();
  return sharp({ create: { width: tileWidth, height: tileHeight, channels: 3, background } })
    .composite([
      { input: image, left: 0, top: 0 },
      { input: Buffer.from(drawing), left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
}

function outline(mask: BinaryMask): string {
  return maskToPolygons(mask)
    .map((points) => {
      const corners: string[] = [];
      for (let index = 0; index < points.length; index += 2) {
        corners.push(`${points[index] ?? 0} ${points[index + 1] ?? 0}`);
      }
      return `M${corners.join('L')}Z`;
    })
    .join('');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
