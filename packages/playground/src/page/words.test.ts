import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Warning, type ProblemDetails } from '@tessera/contracts';
import { duration, percent, problemSentence, runningStage, stageTimes, warningSentence } from './words.js';

test('shares do not round to none or all', () => {
  assert.deepEqual([0, 0.004, 0.5, 0.996, 1].map(percent), ['0 %', 'under 1 %', '50 %', 'over 99 %', '100 %']);
});

test('durations read well on both sides of a second', () => {
  assert.deepEqual([3.4, 999, 1000, 12_345].map(duration), ['3 ms', '999 ms', '1.0 s', '12.3 s']);
});

/** Warnings that are about no words. */
const aboutTheAnswer: Partial<Record<Warning['code'], RegExp>> = { language: /English/, uncalibrated_score: /score/ };

test('every warning of the contract is a sentence with its words', () => {
  const codes = (Warning.properties.code as unknown as { enum: Warning['code'][] }).enum;
  assert.ok(codes.length > 5);
  for (const code of codes) {
    const sentence = warningSentence({ code, words: ['wing'], count: 2 });
    assert.doesNotMatch(sentence, /_/, code);
    assert.match(sentence, aboutTheAnswer[code] ?? /wing|2/, code);
  }
});

test('a warning without words is a whole sentence', () => {
  assert.equal(warningSentence({ code: 'unknown_words', words: [] }), 'The model does not know this query.');
});

test('stages are in the order in which they run, without what took no time', () => {
  const times = stageTimes({ mask: 3, decode: 1, vision: 0, total: 6, later: 2 });
  assert.deepEqual(
    times.map(({ stage }) => stage),
    ['opening', 'drawing', 'later'],
  );
});

test('who waits reads how many are ahead', () => {
  assert.equal(runningStage('queue', 0), 'Waiting for a worker');
  assert.equal(runningStage('queue', 3), 'Waiting for a worker, 3 ahead in the queue');
  assert.equal(runningStage('mask', 3), 'Drawing the mask');
});

test('a problem names the fields that it is about, once', () => {
  const problem: ProblemDetails = {
    type: 'urn:x',
    title: 'Not valid',
    status: 400,
    detail: 'One field is wrong.',
    code: 'TSR_VALIDATION',
    errors: [{ pointer: '/query', message: 'must not be longer than 512 characters' }],
  };
  assert.equal(problemSentence(problem), 'One field is wrong. The query must not be longer than 512 characters.');
  const detail = 'query must not be longer than 512 characters';
  assert.equal(problemSentence({ ...problem, detail }), detail);
});

test('mistakes that people may make are explained without the contract’s words', () => {
  const problemOf = (...errors: NonNullable<ProblemDetails['errors']>): ProblemDetails => ({
    type: 'urn:x',
    title: 'Not valid',
    status: 400,
    detail: errors.map(({ pointer, message }) => `${pointer} ${message}.`).join(' '),
    code: 'TSR_VALIDATION',
    errors,
  });
  const sentenceOf = (pointer: string, message: string) => problemSentence(problemOf({ pointer, message }));
  assert.equal(
    sentenceOf('/query', 'must NOT have more than 512 characters'),
    'The query is longer than 512 characters.',
  );
  assert.equal(sentenceOf('/queries/3', 'must not be blank'), 'The query is empty.');
  assert.equal(
    sentenceOf('/queries/1', 'must not contain a NUL character or half of a surrogate pair'),
    'The query contains a character that is no text.',
  );
  assert.equal(sentenceOf('/queries/1', 'has 900 tokens'), 'The query has 900 tokens.');
  assert.equal(sentenceOf('/queries', 'must NOT have more than 16 items'), 'There are more than 16 queries.');
  assert.equal(sentenceOf('/vocabulary/attributes', 'must NOT have fewer than 1 items'), 'There are no attributes.');
  assert.equal(
    sentenceOf('/vocabulary/objects/0', 'must NOT have more than 128 characters'),
    'An object is longer than 128 characters.',
  );
  assert.equal(sentenceOf('/prompts', 'must NOT have more than 32 items'), 'There are more than 32 corrections.');
  assert.equal(sentenceOf('/prompts/0/points', 'must NOT have more than 64 items'), 'There are more than 64 points.');
  const unknown = { pointer: '/threshold', message: 'must be <= 1' };
  assert.equal(problemSentence(problemOf(unknown)), 'Threshold must be <= 1.');
  const outside = '576 is outside the image of 512 × 512 pixels';
  assert.equal(sentenceOf('/prompts/0/points/0/x', outside), 'A point is outside the photo of 512 × 512 pixels.');
  assert.equal(sentenceOf('/prompts/1/box', outside), 'A box is outside the photo of 512 × 512 pixels.');
});
