import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { compiler, compilerEnvironment } from './compiler.js';

/**
 * `tsc -b` that shows its progress: compiles the projects named on the command line, by default all of them. On a
 * terminal one line follows the build, elsewhere every project gets a line. When everything is up to date it prints
 * nothing. With the playground among the projects its page is bundled as well.
 */

const playground = 'packages/playground';
/** What the page is made of: its own files, and the compiled packages that it bundles. */
const pageSources = ['index.html', 'vite.config.js', 'public', 'src', '../client/dist', '../masks/dist'];

const { isTTY } = process.stdout;
const clearLine = isTTY ? '\r\u001b[K' : '';
const named = process.argv.slice(2);
const isEverything = named.length === 0;
// The page's bundler is native code, an optional dependency.
const hasBundler =
  existsSync('node_modules/@rolldown') && readdirSync('node_modules/@rolldown').join().includes('binding-');
const roots = named.filter((root) => root !== playground || hasBundler);
const startedAt = performance.now();
let projects = 0;
let compiled = 0;
let lacksModelRuntime = false;

const colours = isTTY ? ['--pretty'] : [];
const build = spawn(process.execPath, [...compiler, '--verbose', ...colours, ...roots], {
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
if (code === 0 && hasBundler && (isEverything || roots.includes(playground))) bundlePage();
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

/** Bundles the page unless it is newer than everything that it is made of. */
function bundlePage() {
  const page = join(playground, 'dist/site/index.html');
  const sources = pageSources.map((name) => join(playground, name));
  if (existsSync(page) && statSync(page).mtimeMs > Math.max(...sources.map(lastChange))) return;
  const { status } = spawnSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', playground], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
  if (status === 0) process.stdout.write(`bundled ${playground} (${elapsed()})\n`);
}

function lastChange(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => lastChange(join(path, name))));
}

function elapsed() {
  return `${Math.round((performance.now() - startedAt) / 1000)} s`;
}
