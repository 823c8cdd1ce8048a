import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { compiler, compilerEnvironment } from './compiler.js';

/**
 * `tsc -b` that shows its progress: compiles the projects named on the command line, by default all of them. On a
 * terminal one line follows the build, elsewhere every project gets a line. When everything is up to date it prints
 * nothing.
 */

const { isTTY } = process.stdout;
const clearLine = isTTY ? '\r\u001b[K' : '';
const startedAt = performance.now();
let projects = 0;
let compiled = 0;
let lacksModelRuntime = false;

const colours = isTTY ? ['--pretty'] : [];
const build = spawn(process.execPath, [...compiler, '--verbose', ...colours, ...process.argv.slice(2)], {
  env: compilerEnvironment,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(build, 'exit');
for await (const line of createInterface(build.stdout)) show(line);
const [code] = await ended;
process.exitCode = code ?? 1;
if (compiled > 0) {
  const outcome = code === 0 ? 'compiled' : 'compiled with errors:';
  process.stdout.write(`${clearLine}${outcome} ${compiled} of ${projects} packages (${elapsed()})\n`);
}
if (lacksModelRuntime) {
  console.error(
    'onnxruntime-node, which runs the models, is not installed: run "npm ci" again without --omit=optional.',
  );
}

/** A line of `tsc -b --verbose`: progress is shown in our own words, errors as they are. */
function show(line) {
  const building = /Building project '(.*)\/tsconfig\.json'/.exec(line);
  if (building !== null) {
    compiled += 1;
    const progress = `compiling ${building[1]}, ${compiled} of ${projects} (${elapsed()})`;
    process.stdout.write(isTTY ? clearLine + progress : `${progress}\n`);
    return;
  }
  if (/^ +\* .*tsconfig\.json$/.test(line)) projects += 1;
  else if (line.trim() !== '' && !/ - (Project '|Projects in this build|Updating )/.test(line)) {
    lacksModelRuntime ||= line.includes("'onnxruntime-node'");
    process.stdout.write(`${clearLine}${line}\n`);
  }
}

function elapsed() {
  return `${Math.round((performance.now() - startedAt) / 1000)} s`;
}
