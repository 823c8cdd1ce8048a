/** The command of the tests: provides what they need beside Node, runs them, and names those it had to leave out. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createJobQueue } from '@tessera/queue';
import {
  browserProgram,
  fetchedPrograms,
  provideProgram,
  pythonProgram,
  redisProgram,
  type Program,
} from './programs.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const report = (line: string) => {
  console.log(line);
};

/** Programs by the variable that leaves out the tests that need them when it is `skip`. */
const needs: Readonly<Record<string, Program>> = {
  REDIS_TESTS: redisProgram,
  BROWSER_TESTS: browserProgram,
  PYTHON_TESTS: pythonProgram,
};

const environment: NodeJS.ProcessEnv = { ...process.env };
environment.PATH = [process.env.PATH, fetchedPrograms].join(delimiter);
const missing: string[] = [];
for (const [variable, program] of Object.entries(needs)) {
  if (environment[variable] === 'skip' || provideProgram(program, report) !== undefined) continue;
  environment[variable] = 'skip';
  missing.push(`${program.names[0]} can't be had here: install it, or accept that with ${variable}=skip.`);
}

const reports = mkdtempSync(join(tmpdir(), 'tessera-tests-'));
const leftOutReport = join(reports, 'left-out');
writeFileSync(leftOutReport, '');
const words = process.argv.slice(2);
const files = words.some((word) => !word.startsWith('-')) ? [] : testFiles();
if (files.length > 0) environment.EMPTY_QUEUE = await createEmptyQueue(join(reports, 'queue'));
const { status } = spawnSync(
  process.execPath,
  [
    // The embedded database is compiled in every process: what its optimizing compiler saves in so short a life costs more.
    '--liftoff-only',
    // One more than the two cores of a small machine: many tests wait.
    ...['--test', '--test-concurrency=3', '--test-force-exit'],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    `--test-reporter=${new URL('left-out-reporter.js', import.meta.url).href}`,
    `--test-reporter-destination=${leftOutReport}`,
    ...[...words, ...files],
  ],
  { stdio: 'inherit', env: environment },
);
const leftOut = readFileSync(leftOutReport, 'utf8');
rmSync(reports, { recursive: true });
if (leftOut !== '') report(['', 'INCOMPLETE: these tests were left out.', leftOut.trimEnd(), ...missing].join('\n'));
process.exitCode = status === 0 && missing.length > 0 ? 1 : (status ?? 1);

/** The directory with a database that the embedded queues of all tests begin with. */
async function createEmptyQueue(directory: string): Promise<string> {
  const onError = (error: Error) => {
    throw error;
  };
  const queue = await createJobQueue({ name: 'none', connection: { kind: 'embedded', directory }, onError });
  await queue.close();
  return directory;
}

/** The compiled tests of all packages, by their sources: a compiled file may outlive its source. The longest are first. */
function testFiles(): string[] {
  return ['test', 'services', 'packages', 'bench'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((path) => /^(?!.*node_modules).*\.test\.ts$/.test(path))
      .map((path) => (directory === 'test' ? join('dist', path) : path.replace(/\bsrc\b/, 'dist')))
      .map((path) => join(root, directory, path.replace(/ts$/, 'js'))),
  );
}
