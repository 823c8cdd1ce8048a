import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostTasks, PredictRequest } from '@tessera/contracts';
import { knownFields } from './known-fields.js';

test('fields that the schema does not name are left out, at every depth', () => {
  const region = { type: 'textarea', from_name: 'a', value: { text: ['a cat'], x: 1 } };
  const known = {
    tasks: [{ data: { photo: 'x', other: { kept: [1] } } }],
    label_config: '<View/>',
    params: { context: { result: [region] } },
  };
  const sent = {
    project: '1',
    tasks: [{ id: 1, annotations: [[[]]], ...known.tasks[0] }],
    label_config: '<View/>',
    params: { login: 'x', context: { user: 1, result: [{ ...region, id: 'r', value: { ...region.value, z: [] } }] } },
  };
  assert.deepEqual(knownFields(PredictRequest, sent), known);
  const none = { tasks: [], label_config: '', params: null };
  assert.deepEqual(knownFields(PredictRequest, none), none);
});

test('what does not match the schema stays, for validation to refuse', () => {
  for (const value of [7, null, [1], { tasks: {} }, { tasks: [[0]], params: [] }, { params: { context: 'x' } }]) {
    assert.deepEqual(knownFields(PredictRequest, value), value);
  }
});

test('a list that is too long is not looked into', () => {
  const task = {
    get data() {
      return assert.fail('The task was read');
    },
  };
  const tasks = Array.from({ length: mostTasks + 1 }, () => task);
  assert.equal((knownFields(PredictRequest, { tasks }) as { tasks: unknown }).tasks, tasks);
});
