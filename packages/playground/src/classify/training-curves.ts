import type { Progress } from '@tessera/client';
import { drawing } from '../page/drawing.js';
import { element } from '../page/element.js';

const size = { width: 320, height: 150 } as const;
/** The plot inside its labels, in the same units. */
const plot = { left: 38, right: 290, top: 10, bottom: 116 } as const;

/** Loss (scale on the left) and validation AUC (on the right) over the epochs, as lines with a legend. */
export function trainingCurves(epochs: readonly Progress[], of: number): HTMLElement {
  const losses = epochs.map(({ loss }) => loss);
  const hasAuc = epochs.some(({ validation_auc: auc }) => auc !== undefined);
  const highest = roundedUp(Math.max(...losses.map((loss) => loss ?? 0)));
  const chart = drawing(
    'svg',
    {
      class: 'curves',
      viewBox: `0 0 ${size.width} ${size.height}`,
      role: 'img',
      'aria-label': hasAuc ? 'Loss and validation AUC by epoch' : 'Loss by epoch',
    },
    ...[0, 0.5, 1].flatMap((share) => [
      drawing('line', { class: 'gridline', x1: plot.left, x2: plot.right, y1: heightOf(share), y2: heightOf(share) }),
      label(Number((share * highest).toPrecision(2)).toString(), plot.left - 6, heightOf(share) + 4, 'end'),
      ...(hasAuc ? [label(share.toString(), plot.right + 6, heightOf(share) + 4, 'start')] : []),
    ]),
    ...[...new Set([1, of])].map((epoch) => label(epoch.toString(), placeOf(epoch, of), plot.bottom + 16, 'middle')),
    label('epoch', (plot.left + plot.right) / 2, plot.bottom + 28, 'middle'),
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
  return element('figure', {}, chart, legend(hasAuc));
}

function legend(hasAuc: boolean): HTMLElement {
  const entries = [
    ['loss', 'Loss, scale on the left'] as const,
    ['auc', 'Validation AUC, scale on the right'] as const,
  ];
  return element(
    'ul',
    { class: 'legend' },
    ...entries.slice(0, hasAuc ? 2 : 1).map(([name, text]) => element('li', { class: name }, text)),
  );
}

/** The least of 1, 2 and 5 times a power of ten that is not below a value. */
function roundedUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value) ?? 10) * power;
}

function placeOf(epoch: number, of: number): number {
  return plot.left + ((epoch - 1) / Math.max(1, of - 1)) * (plot.right - plot.left);
}

function heightOf(share: number): number {
  return plot.bottom - share * (plot.bottom - plot.top);
}

function label(text: string, x: number, y: number, anchor: 'start' | 'middle' | 'end'): SVGTextElement {
  const drawn = drawing('text', { x, y, 'text-anchor': anchor });
  drawn.textContent = text;
  return drawn;
}

/** A line over the epochs, and a dot on each: one epoch alone makes no line. */
function line(shares: readonly (number | undefined)[], of: number, name: string): SVGGElement {
  const points = shares.flatMap((share, index) =>
    share === undefined ? [] : [[placeOf(index + 1, of).toFixed(1), heightOf(share).toFixed(1)] as const],
  );
  return drawing(
    'g',
    { class: name },
    drawing('polyline', { points: points.map((point) => point.join(',')).join(' ') }),
    ...points.map(([x, y]) => drawing('circle', { cx: x, cy: y, r: 2 })),
  );
}
