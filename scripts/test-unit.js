import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * `npm run test:unit`: the tests of pure code, which need nothing but `npm ci` and take seconds all together. Packages whose
 * work takes time or loads native code are left out as a whole, and everywhere else the files that start processes, decode
 * images or need more than `npm ci`. It prints what it leaves out, and why; `npm test` runs everything.
 */

const slowPackages = {
  'test/': 'real processes, Redis, a browser',
  'packages/queue/': 'the embedded queue',
  'packages/bundle-builder/': 'weights of third parties',
  'packages/images/': 'image decoders over many files',
  'packages/inference/': 'models that run',
  'packages/dual-encoder/': 'models that run',
  'packages/tokenizer/': 'tokenizers of real models',
  'services/worker/': 'models that run',
  'packages/cli/': 'commands, with all that they load',
  'bench/': 'commands, with all that they load',
};

/** Why a test file is left out, by its path or its text. */
const leftOut = [
  ...Object.entries(slowPackages).map(([directory, why]) => ({
    why,
    applies: ({ path }) => path.startsWith(directory),
  })),
  { why: 'Redis', applies: ({ text }) => /runtime\/testing'|redis-server\.js'/.test(text) },
  { why: 'built models', applies: ({ text }) => /models\/tessera-|test-runner\.js'/.test(text) },
  { why: 'shared data', applies: ({ text }) => /SHARED_DATA|shared\/cases/.test(text) },
  { why: 'a gateway on a real socket over an embedded queue', applies: ({ text }) => text.includes('test-gateway.js') },
  { why: 'processes', applies: ({ text }) => /node:child_process|InferenceRunner/.test(text) },
  { why: 'image decoders', applies: ({ text }) => /from 'sharp'|test-images\.js'/.test(text) },
];

const files = ['packages', 'services', 'bench', 'test'].flatMap(testFiles);
const reasons = new Map(files.map((file) => [file, leftOut.find(({ applies }) => applies(file))?.why]));
const chosen = files.filter((file) => reasons.get(file) === undefined);

// The files of a package share a process: starting one for each would take longer than the tests.
const entries = mkdtempSync(join(tmpdir(), 'tessera-unit-'));
const packages = new Set(chosen.map(packageOf));
const entryFiles = [...packages].map((name) => {
  const entry = join(entries, `${name.replace('/', '-')}.test.mjs`);
  const members = chosen.filter((file) => packageOf(file) === name);
  const imports = members.map(({ compiled }) => `await import(${JSON.stringify(pathToFileURL(compiled))});\n`);
  writeFileSync(entry, imports.join(''));
  return entry;
});

const reporting = ['--test', '--test-reporter=spec', `--test-concurrency=${availableParallelism()}`];
const { status } = spawnSync(process.execPath, [...reporting, ...entryFiles], { stdio: 'inherit' });
rmSync(entries, { recursive: true });
process.exitCode = status ?? 1;

console.log(
  `\n${chosen.length} test files ran; ${files.length - chosen.length} are left to \`npm test\`, which needs:`,
);
for (const why of new Set(leftOut.map((rule) => rule.why))) {
  const paths = files.filter((file) => reasons.get(file) === why).map(({ path }) => path);
  if (paths.length > 0) console.log(`  ${why}: ${paths.length}`);
}

/** `packages/masks` of a file in it. */
function packageOf({ path }) {
  return path.split('/').slice(0, 2).join('/');
}

/** The test files under a directory, with the files that they are compiled to. */
function testFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .map((name) => `${directory}/${name.split(sep).join('/')}`)
    .filter((path) => path.endsWith('.test.ts') && !path.includes('/node_modules/'))
    .map((path) => ({
      path,
      compiled: path.replace('/src/', '/dist/').replace(/ts$/, 'js'),
      text: readFileSync(path, 'utf8'),
    }));
}
