import { crosshairSentence } from './crosshair.js';
import type { Correction } from '../segment/corrections.js';

export type Tool = 'include' | 'exclude' | 'box';

/** The photo as something to point at. */
export interface PointingTarget {
  /** What pointer and keys act on; as large as the photo is shown. */
  readonly surface: HTMLElement;
  /** Of the photo, in pixels. */
  readonly size: () => { readonly width: number; readonly height: number };
  readonly tool: () => Tool;
  readonly onCorrection: (correction: Correction) => void;
  readonly onUndo: () => void;
  /** Shows a box while it is drawn, and the crosshair of the keys; undefined hides it. */
  readonly showBox: (box: readonly [number, number, number, number] | undefined) => void;
  readonly showCrosshair: (position: Position | undefined) => void;
  /** Takes where the crosshair is, in words, at every step. */
  readonly describeCrosshair: (sentence: string) => void;
}

interface Position {
  readonly x: number;
  readonly y: number;
}

/** Movements of the pointer below this are a click, in pixels of the screen. */
const dragStart = 6;
/** Least side of a box, in pixels of the photo. */
const leastSide = 2;
/** A step of the arrow keys as a share of the photo, and with Shift. */
const step = { large: 0.05, small: 0.01 };

/** Turns clicks, drags and keys on the photo into corrections. */
export function listenToPointing(target: PointingTarget): void {
  listenToPointer(target);
  listenToKeys(target);
}

function listenToPointer({ surface, size, tool, onCorrection, showBox }: PointingTarget): void {
  let start: (Position & { readonly pointer: number }) | undefined;
  const end = () => {
    start = undefined;
    showBox(undefined);
  };
  const isDrag = (event: PointerEvent) =>
    start !== undefined && Math.hypot(event.clientX - start.x, event.clientY - start.y) >= dragStart;
  const boxTo = (event: PointerEvent, from: Position) =>
    boxBetween(toPhoto(surface, size(), { x: from.x, y: from.y }), toPhoto(surface, size(), atPointer(event)));

  surface.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button > 0) return;
    start = { ...atPointer(event), pointer: event.pointerId };
    surface.setPointerCapture(event.pointerId);
  });
  surface.addEventListener('pointermove', (event) => {
    if (start !== undefined && isDrag(event)) showBox(boxTo(event, start));
  });
  surface.addEventListener('pointerup', (event) => {
    if (start === undefined) return;
    const from = start;
    const wasDrag = isDrag(event);
    end();
    if (wasDrag) {
      const box = boxTo(event, from);
      if (box[2] >= leastSide && box[3] >= leastSide) onCorrection({ kind: 'box', box });
    } else if (tool() !== 'box') {
      const label = tool() === 'exclude' || event.altKey ? 0 : 1;
      onCorrection({ kind: 'point', ...toPhoto(surface, size(), from), label });
    }
  });
  surface.addEventListener('pointercancel', end);
}

function listenToKeys(target: PointingTarget): void {
  const { surface, size, tool, onCorrection, onUndo, showBox, showCrosshair, describeCrosshair } = target;
  let place: Position = { x: 0.5, y: 0.5 };
  let corner: Position | undefined;
  const inPhoto = ({ x, y }: Position) => ({ x: x * size().width, y: y * size().height });
  const show = () => {
    showCrosshair(inPhoto(place));
    showBox(corner === undefined ? undefined : boxBetween(inPhoto(corner), inPhoto(place)));
  };
  const point = (label: 0 | 1) => {
    onCorrection({ kind: 'point', ...inside(inPhoto(place), size()), label });
  };
  const boxCorner = () => {
    if (corner === undefined) {
      corner = place;
      return;
    }
    const box = boxBetween(inPhoto(corner), inPhoto(place));
    corner = undefined;
    if (box[2] >= leastSide && box[3] >= leastSide) onCorrection({ kind: 'box', box });
  };
  const actions: Readonly<Record<string, () => void>> = {
    Enter: () => {
      if (tool() === 'box') boxCorner();
      else point(tool() === 'exclude' ? 0 : 1);
    },
    x: () => {
      point(0);
    },
    b: boxCorner,
    z: onUndo,
    Escape: () => {
      corner = undefined;
    },
  };
  const moves: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };

  surface.addEventListener('keydown', (event) => {
    // With these they are the browser's: Alt and an arrow key turns back a page.
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    const [right, down] = moves[key] ?? [0, 0];
    const length = event.shiftKey ? step.small : step.large;
    const action = actions[key];
    if (action === undefined && !(key in moves)) return;
    event.preventDefault();
    place = { x: within(place.x + right * length, 1), y: within(place.y + down * length, 1) };
    action?.();
    show();
    const isStep = key in moves || corner !== undefined || key === 'Escape';
    if (isStep) describeCrosshair(crosshairSentence(place, corner));
  });
  surface.addEventListener('blur', () => {
    corner = undefined;
    showCrosshair(undefined);
    showBox(undefined);
  });
}

/** A letter is the same with Shift and with the capitals locked, and the space bar does what Enter does. */
function keyOf({ key }: KeyboardEvent): string {
  if (key === ' ') return 'Enter';
  return key.length === 1 ? key.toLowerCase() : key;
}

function atPointer({ clientX, clientY }: PointerEvent): Position {
  return { x: clientX, y: clientY };
}

function toPhoto(surface: HTMLElement, size: { width: number; height: number }, { x, y }: Position): Position {
  const { left, top, width, height } = surface.getBoundingClientRect();
  return inside({ x: ((x - left) / width) * size.width, y: ((y - top) / height) * size.height }, size);
}

/** The service refuses points on the border itself; tenths of a pixel are enough. */
function inside({ x, y }: Position, { width, height }: { width: number; height: number }): Position {
  return { x: round(within(x, width - 0.1)), y: round(within(y, height - 0.1)) };
}

function boxBetween(one: Position, other: Position): [number, number, number, number] {
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  return [round(x), round(y), round(Math.abs(one.x - other.x)), round(Math.abs(one.y - other.y))];
}

function within(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
