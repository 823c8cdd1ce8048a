import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { sep } from 'node:path';

/**
 * `npm run test:unit`: the tests that need nothing but `npm ci` and take seconds. It prints what it leaves out, and why;
 * `npm test` runs everything.
 */

/** Why a test file is left out, by its path or its text. */
const leftOut = [
  { why: 'real processes, Redis, a browser', applies: ({ path }) => path.startsWith('test/') },
  { why: 'Redis', applies: ({ text }) => /runtime\/testing'|redis-server\.js'/.test(text) },
  { why: 'built models', applies: ({ text }) => /models\/tessera-|test-runner\.js'/.test(text) },
  { why: 'shared data', applies: ({ text }) => /SHARED_DATA|shared\/cases/.test(text) },
  { why: 'a gateway on a real socket over an embedded queue', applies: ({ text }) => text.includes('test-gateway.js') },
  { why: 'the embedded queue', applies: ({ path }) => path.startsWith('packages/queue/') },
  { why: 'inference processes', applies: ({ text }) => text.includes('InferenceRunner') },
  { why: 'weights of third parties', applies: ({ path }) => path.startsWith('packages/bundle-builder/') },
];

const files = ['packages', 'services', 'bench', 'test'].flatMap(testFiles);
const reasons = new Map(files.map((file) => [file, leftOut.find(({ applies }) => applies(file))?.why]));
const chosen = files.filter((file) => reasons.get(file) === undefined);

const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${availableParallelism()}`,
    ...chosen.map(({ compiled }) => compiled),
  ],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;

console.log(
  `\n${chosen.length} test files ran; ${files.length - chosen.length} are left to \`npm test\`, which needs:`,
);
for (const { why } of leftOut) {
  const paths = files.filter((file) => reasons.get(file) === why).map(({ path }) => path);
  if (paths.length > 0) console.log(`  ${why}: ${paths.length}`);
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
