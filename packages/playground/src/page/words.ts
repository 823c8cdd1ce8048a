import type { ProblemDetails, Warning } from '@tessera/client';

/** A share as whole percents; what is not quite none or all does not read as that. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return 'under 1 %';
  if (share > 0.99 && share < 1) return 'over 99 %';
  return `${Math.round(share * 100)} %`;
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

/** Milliseconds below a second, seconds above. */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** The stages of a request, in the order in which they run. */
const stages: Readonly<Record<string, { readonly done: string; readonly running: string }>> = {
  queue: { done: 'waiting', running: 'Waiting for a worker' },
  decode: { done: 'opening', running: 'Opening the photo' },
  vision: { done: 'looking', running: 'Looking at the photo' },
  language: { done: 'reading', running: 'Reading the words' },
  mask: { done: 'drawing', running: 'Drawing the mask' },
};

/** Time per stage without the total, in the order of the stages; what took no time is left out. */
export function stageTimes(
  timings: Readonly<Record<string, number>>,
): readonly { readonly stage: string; readonly milliseconds: number }[] {
  const names = [...Object.keys(stages), ...Object.keys(timings).filter((name) => !(name in stages))];
  return names
    .filter((name) => name !== 'total' && (timings[name] ?? 0) >= 0.5)
    .map((name) => ({ stage: stages[name]?.done ?? name, milliseconds: timings[name] ?? 0 }));
}

/**
 * What a stage does, for who waits for it.
 *
 * @param ahead - jobs before this one in the queue
 */
export function runningStage(name: string, ahead = 0): string {
  if (name === 'queue' && ahead > 0) return `Waiting for a worker, ${ahead} ahead in the queue`;
  return stages[name]?.running ?? `Working: ${name}`;
}

/** A warning of a segmentation as a sentence. */
export function warningSentence({ code, words, count: objects = 0 }: Warning): string {
  const quoted = words.length === 0 ? 'this query' : words.map((word) => `“${word}”`).join(', ');
  switch (code) {
    case 'unknown_words':
      return `The model does not know ${quoted}.`;
    case 'unknown_thing':
      return `The model cannot find things such as ${quoted}.`;
    case 'kind_not_told':
      return `The model finds the object, but cannot tell whether it is ${quoted}.`;
    case 'part_not_found':
      return `The model finds whole objects, not parts such as ${quoted}.`;
    case 'respelled':
      return `The model read ${quoted} as another spelling.`;
    case 'ignored_words':
      return `The model did not use ${quoted}.`;
    case 'negation':
      return `The model cannot leave out objects as ${quoted} asks.`;
    case 'fewer_found':
      return `There are fewer objects than ${quoted} asks for.`;
    case 'language':
      return 'The model reads English only.';
    case 'unused_points':
      return objects === 1
        ? 'One point is not on the mask and changes nothing.'
        : `${objects} points are not on the mask and change nothing.`;
    case 'uncalibrated_score':
      return 'The score says how good the mask is, not how likely the object is there: the model is not calibrated.';
    case 'coarse_masks':
      return objects === 1 ? 'One object has a coarse shape.' : `${objects} objects have a coarse shape.`;
    default:
      // A service that is newer than the page.
      return `${String(code)} ${words.join(', ')}`.trim();
  }
}

/** A problem as one or more sentences; mistakes in known fields in plain words. */
export function problemSentence({ title, detail, errors = [] }: ProblemDetails): string {
  const inWords = errors.map(fieldSentence);
  if (inWords.length > 0 && inWords.every((sentence) => sentence !== undefined)) return inWords.join(' ');
  // What is a pointer to a program is the name of a field to a person.
  const fieldSentences = (fields: readonly FieldProblem[]) =>
    fields.map(
      ({ pointer, message }) => `${capital(namesOf(pointer)[0] ?? pointer.split('/').at(-1) ?? '')} ${message}.`,
    );
  if (errors.length > 0 && detail.startsWith('/')) return fieldSentences(errors).join(' ');
  const unnamed = errors.filter(({ message }) => !detail.includes(message));
  return [detail === '' ? `${title}.` : detail, ...fieldSentences(unnamed)].join(' ');
}

type FieldProblem = NonNullable<ProblemDetails['errors']>[number];

/** Fields as people call them: one, and several. */
const fieldNames: Readonly<Record<string, readonly [one: string, several: string]>> = {
  query: ['the query', 'queries'],
  queries: ['the query', 'queries'],
  attributes: ['an attribute', 'attributes'],
  objects: ['an object', 'objects'],
  prompts: ['a correction', 'corrections'],
  points: ['a point', 'points'],
};

/** What people call a field, one and several; nothing for one that they do not fill in. */
function namesOf(pointer: string): readonly [one?: string, several?: string] {
  return fieldNames[pointer.split('/').findLast((part) => part in fieldNames) ?? ''] ?? [];
}

function fieldSentence({ pointer, message }: FieldProblem): string | undefined {
  const [one, several] = namesOf(pointer);
  if (one === undefined || several === undefined) return undefined;
  const [, bound, limit, unit] = /^must NOT have (more|fewer) than (\d+) (characters|items)$/.exec(message) ?? [];
  const [, place] = / is outside the image of (\d+ × \d+) pixels$/.exec(message) ?? [];
  if (place !== undefined)
    return `${pointer.endsWith('/box') ? 'A box' : 'A point'} is outside the photo of ${place} pixels.`;
  if (message.startsWith('must not contain a NUL')) return `${capital(one)} contains a character that is no text.`;
  if (message === 'must not be blank') return `${capital(one)} is empty.`;
  if (bound === undefined || limit === undefined) return undefined;
  if (unit === 'characters') {
    return bound === 'more' ? `${capital(one)} is longer than ${limit} characters.` : `${capital(one)} is empty.`;
  }
  if (bound === 'more') return `There are more than ${limit} ${several}.`;
  return limit === '1' ? `There are no ${several}.` : `There are fewer than ${limit} ${several}.`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
