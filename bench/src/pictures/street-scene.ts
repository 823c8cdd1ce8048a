import type { SegmentQueryResult } from '@tessera/contracts';
import sharp from 'sharp';

/** Pixels of the pictures that the documentation shows. */
export const width = 960;
export const height = 600;

/** A street with a clock, a stop sign and a traffic light, drawn: the documentation needs no photo. */
export function streetScene(): Promise<Buffer> {
  // The images package, which the evaluation loads, blocks what the service need not read; the pictures draw with SVG.
  sharp.unblock({ operation: ['VipsForeignLoadSvgBuffer'] });
  return sharp(Buffer.from(svg(height, street())))
    .jpeg({ quality: 92 })
    .toBuffer();
}

/** An SVG as wide as the pictures. */
export function svg(svgHeight: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${svgHeight}">${content}</svg>`;
}

/**
 * The outline of an answer's mask as an SVG path.
 *
 * @throws Error when the mask was not asked for as polygons
 */
export function maskPath({ mask }: SegmentQueryResult): string {
  if (!('polygons' in mask)) throw new Error('the pictures draw polygons');
  return mask.polygons.map((points) => `M${points.join(' ')}Z`).join('');
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
