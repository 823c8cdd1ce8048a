import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { copyRepository, repositoryRoot } from '../support/repository-copy.js';

/** Imports that are not allowed, in packages that the gateway and the client reach through others. */
const violations = {
  'packages/contracts/src/index.ts': ['@tessera/segmentation', 'onnxruntime-node', 'sharp', 'node:dns'],
  'packages/queue/src/index.ts': ['@tessera/gateway'],
};

/** Imports that are not allowed between the folders of segmentation. */
const folderViolations = [
  ['vision/box.ts', 'language/words.ts'],
  ['vision/box.ts', 'reasoning/reasoner.ts'],
  ['vision/box.ts', 'answers/choice.ts'],
  ['vision/box.ts', 'pipelines/pipeline.ts'],
  ['language/words.ts', 'vision/box.ts'],
  ['language/words.ts', 'reasoning/reasoner.ts'],
  ['language/words.ts', 'answers/choice.ts'],
  ['language/words.ts', 'pipelines/pipeline.ts'],
  ['reasoning/reasoner.ts', 'answers/choice.ts'],
  ['reasoning/reasoner.ts', 'pipelines/pipeline.ts'],
  ['answers/choice.ts', 'language/sentence-reader.ts'],
  ['answers/choice.ts', 'reasoning/token-selection.ts'],
  ['answers/choice.ts', 'pipelines/pipeline.ts'],
] as const;

describe('the dependency rules', { timeout: 120_000 }, () => {
  let copy: string;
  /** Which rule forbids what to whom, such as `rule: services/gateway → packages/segmentation`. */
  let findings: Set<string>;
  let output: string;

  before(async () => {
    copy = await copyRepository();
    await symlink(join(repositoryRoot, 'node_modules'), join(copy, 'node_modules'));
    for (const [file, imports] of Object.entries(violations)) {
      await appendFile(join(copy, file), imports.map((name) => `import '${name}';\n`).join(''));
    }
    for (const [from, to] of folderViolations) {
      const specifier = `../${to.replace('.ts', '.js')}`;
      await appendFile(join(copy, 'packages/segmentation/src', from), `import '${specifier}';\n`);
    }
    output = await cruise(copy);
    const lines = output.matchAll(/error (\S+): (\w+\/[\w-]+)\S+ → \S*?((?:packages|services|node_modules)\/[\w-]+)/g);
    findings = new Set(Array.from(lines, ([, rule, from, to]) => `${rule}: ${from} → ${to}`));
  });

  after(() => rm(copy, { recursive: true, force: true }));

  for (const from of ['services/gateway', 'packages/client', 'packages/cli', 'packages/composition']) {
    for (const to of [
      'packages/segmentation',
      'packages/inference',
      'node_modules/onnxruntime-node',
      'node_modules/sharp',
    ]) {
      it(`see that ${from} reaches ${to} through other packages`, () => {
        const finding = `gateway-and-client-know-no-models: ${from} → ${to}`;
        assert.ok(findings.has(finding), `${finding} is not among\n${[...findings].join('\n')}`);
      });
    }
  }

  it('see that the client reaches a module of Node through other packages', () => {
    const finding = 'error client-runs-in-browsers: packages/client/src/client.ts → dns\n';
    assert.ok(output.includes(finding), `${finding} is not in\n${output}`);
  });

  it('see that the worker reaches the gateway through other packages', () => {
    assert.ok(findings.has('worker-speaks-no-http: services/worker → services/gateway'));
  });

  for (const [from, to] of folderViolations) {
    it(`see that ${from} of segmentation imports ${to}`, () => {
      const [folder] = from.split('/');
      const source = 'packages/segmentation/src';
      const finding = `error segmentation-${folder}-imports: ${source}/${from} → ${source}/${to}\n`;
      assert.ok(output.includes(finding), `${finding} is not in\n${output}`);
    });
  }
});

/** What dependency-cruiser prints when it fails, and nothing when it does not. */
async function cruise(directory: string): Promise<string> {
  const command = ['--config', '.dependency-cruiser.cjs', 'packages', 'services'];
  try {
    await promisify(execFile)(join(repositoryRoot, 'node_modules/.bin/depcruise'), command, {
      cwd: directory,
      maxBuffer: 1 << 28,
    });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
