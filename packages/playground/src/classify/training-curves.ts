import type { Progress } from '@tessera/client';
import { drawing } from '../page/drawing.js';

const size = { width: 320, height: 120, margin: 6 } as const;

/** Loss (as a share of the highest) and validation AUC over the epochs, as lines. */
export function trainingCurves(epochs: readonly Progress[], of: number): SVGSVGElement {
  const losses = epochs.map(({ loss }) => loss);
  const hasAuc = epochs.some(({ validation_auc: auc }) => auc !== undefined);
  const highest = Math.max(...losses.map((loss) => loss ?? 0), 1e-9);
  return drawing(
    'svg',
    {
      class: 'curves',
      viewBox: `0 0 ${size.width} ${size.height}`,
      role: 'img',
      'aria-label': hasAuc ? 'Loss and validation AUC by epoch' : 'Loss by epoch',
    },
    line(
      losses.map((loss) => (loss === undefined ? undefined : loss / highest)),
      of,
      'loss',
    ),
    line(
      epochs.map(({ validation_auc: auc }) => auc),
      of,
      'auc',
    ),
  );
}

function line(shares: readonly (number | undefined)[], of: number, name: string): SVGPolylineElement {
  const { width, height, margin } = size;
  const points = shares.flatMap((share, index) => {
    if (share === undefined) return [];
    const x = margin + (index / Math.max(1, of - 1)) * (width - 2 * margin);
    return [`${x.toFixed(1)},${(height - margin - share * (height - 2 * margin)).toFixed(1)}`];
  });
  return drawing('polyline', { class: name, points: points.join(' ') });
}
