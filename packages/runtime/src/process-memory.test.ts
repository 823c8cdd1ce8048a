import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { processMemory } from './process-memory.js';

test('the memory of a process is what Node reports of it', { skip: process.platform !== 'linux' }, () => {
  const memory = processMemory(process.pid);
  const { rss } = process.memoryUsage();
  assert.ok(memory && Math.abs(memory.resident - rss) < 0.2 * rss);
  assert.ok(memory.peak >= memory.resident);
});

test('a process that has ended has no memory', async () => {
  const child = spawn(process.execPath, ['--eval', '']);
  await once(child, 'close');
  assert.equal(processMemory(child.pid ?? assert.fail()), undefined);
});
