import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '@tessera/evaluation';
import type { Machine } from './gpu-result.js';

export async function describeMachine(): Promise<Machine> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const gpus = (await outputOf('nvidia-smi', query)).split('\n').flatMap((line) => {
    const [name = '', memory, driver] = line.split(',').map((cell) => cell.trim());
    return memory === undefined || driver === undefined ? [] : [{ name, memory, driver }];
  });
  const manifest = await readFile(join(repositoryRoot, 'node_modules/onnxruntime-node/package.json'), 'utf8');
  return {
    gpus,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_bytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    onnxruntime_node: (JSON.parse(manifest) as { version: string }).version,
    commit: (await outputOf('git', ['rev-parse', 'HEAD'])).trim() || 'unknown',
  };
}

/** Nothing where there is no such program, or it fails. */
async function outputOf(program: string, words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, words, { cwd: repositoryRoot }).catch(() => ({ stdout: '' }));
  return stdout;
}
