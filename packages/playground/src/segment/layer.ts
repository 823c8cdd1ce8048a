import type { SegmentQueryResult, SegmentResponse } from '@tessera/client';
import type { SegmentQuestion } from '../service/question.js';
import type { Colour } from '../stage/mask-picture.js';
import { answerPrompts, namesAnObject, objectPrompt, type Correction } from './corrections.js';

/** One question about the photo and its answer, in a colour of its own. */
export interface Layer {
  readonly number: number;
  readonly colour: Colour;
  /** Undefined for an object that was only pointed to. */
  readonly query: string | undefined;
  corrections: readonly Correction[];
  isVisible: boolean;
  /** Stays while a corrected answer is on its way. */
  answer: Answer | undefined;
  state: LayerState;
  /** What a person did to it since its last answer. */
  change: string | undefined;
}

export interface Answer {
  readonly result: SegmentQueryResult;
  readonly timings: SegmentResponse['timings_ms'];
  readonly size: { readonly width: number; readonly height: number };
  /** What was asked, for copying. */
  readonly question: SegmentQuestion;
  readonly picture: HTMLCanvasElement;
}

export type LayerState =
  | { readonly kind: 'working'; readonly running: AbortController; stage: string; fraction: number; ahead?: number }
  | { readonly kind: 'answered' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Colours that differ from each other and show on most photos. */
const colours: readonly Colour[] = [
  [255, 77, 109],
  [0, 200, 190],
  [255, 183, 3],
  [128, 90, 255],
  [72, 202, 60],
  [58, 134, 255],
  [255, 122, 0],
  [240, 100, 220],
];

export function colourOf(number: number): Colour {
  return colours[number % colours.length] ?? [255, 77, 109];
}

export function cssColour([red, green, blue]: Colour): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** A layer as people call it. */
export function nameOf({ query, number }: Pick<Layer, 'query' | 'number'>): string {
  return query ?? `Object ${number + 1}`;
}

/** What to ask for a layer; undefined while nothing says where its object is. */
export function questionOf({ query, corrections }: Pick<Layer, 'query' | 'corrections'>): SegmentQuestion | undefined {
  if (query === undefined) return namesAnObject(corrections) ? { prompts: [objectPrompt(corrections)] } : undefined;
  return corrections.length === 0 ? { query } : { query, prompts: answerPrompts(corrections) };
}
