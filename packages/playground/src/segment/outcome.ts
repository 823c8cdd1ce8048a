import type { SegmentPrompt } from '@tessera/client';
import { percent, warningSentence } from '../page/words.js';
import type { Correction } from './corrections.js';
import { nameOf, type Answer, type Layer } from './layer.js';

/** What words are made of; a layer without its picture. */
type Outcome = Pick<Layer, 'query' | 'number' | 'state' | 'change'> & {
  readonly answer: Omit<Answer, 'picture'> | undefined;
};

/** What a person did to a layer, as in "point beside it added". */
export function changeOf(correction: Correction, done: 'added' | 'taken back'): string {
  if (correction.kind === 'box') return `box ${done}`;
  return `${correction.label === 1 ? 'point on it' : 'point beside it'} ${done}`;
}

/** The answer in a few words. Of a corrected mask the size is what has changed: its probability is that of the words. */
export function summary({ state, answer }: Outcome): string {
  if (state.kind === 'working') return '…';
  if (state.kind === 'failed') return 'failed';
  if (answer === undefined) return '';
  if (!answer.result.present) return 'not here';
  return answer.question.prompts === undefined ? percent(answer.result.score) : shareOf(answer);
}

/** What was found, as a sentence. */
export function verdict({ result, question }: Outcome['answer'] & object): string {
  const { query, prompts = [] } = question;
  if (!result.present) return prompts.length === 0 ? 'Nothing here matches.' : 'Nothing is left of the mask.';
  if (query === undefined) return result.label === undefined ? 'Found where you pointed.' : `Found: ${result.label}.`;
  const found = `Found: ${result.label ?? 'an object'}`;
  return prompts.length === 0 ? `${found}.` : `${found}, corrected by ${correctionsIn(prompts)}.`;
}

/** Everything that is new about a layer, for who does not see it. */
export function outcomeSentence(layer: Outcome): string {
  const { state, answer, change } = layer;
  const name = change === undefined ? nameOf(layer) : `${nameOf(layer)}, ${change}`;
  if (state.kind === 'failed') return `${name}: ${state.reason}`;
  if (answer === undefined) return `${name}: no mask yet, for want of a point on the object or a box.`;
  const { result, question } = answer;
  const warnings = result.warnings.map(warningSentence);
  if (!result.present) {
    const nothing = question.prompts === undefined ? 'nothing here matches' : 'nothing is left of the mask';
    return [`${name}: ${nothing}.`, ...warnings].join(' ');
  }
  const facts = [
    `found ${result.label ?? 'an object'}`,
    ...(question.prompts === undefined ? [percent(result.score)] : []),
    shareOf(answer),
  ];
  return [`${name}: ${facts.join(', ')}.`, ...warnings].join(' ');
}

function shareOf({ result, size }: Pick<Answer, 'result' | 'size'>): string {
  return `${percent(result.area / (size.width * size.height))} of the photo`;
}

function correctionsIn(prompts: readonly SegmentPrompt[]): string {
  const points = prompts.reduce((sum, prompt) => sum + (prompt.points?.length ?? 0), 0);
  const boxes = prompts.filter(({ box }) => box !== undefined).length;
  const counted = (number: number, noun: string, plural: string) =>
    number === 0 ? [] : [number === 1 ? `a ${noun}` : `${number} ${plural}`];
  return [...counted(points, 'point', 'points'), ...counted(boxes, 'box', 'boxes')].join(' and ');
}
