import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Imports that are not allowed, in packages that the gateway and the client reach through others. */
const violations = {
  'packages/contracts/src/index.ts': ['@tessera/segmentation', 'onnxruntime-node', 'sharp'],
  'packages/queue/src/index.ts': ['@tessera/gateway'],
};

describe('the dependency rules', { timeout: 120_000 }, () => {
  let copy: string;
  /** Which rule forbids what to whom, such as `rule: services/gateway → packages/segmentation`. */
  let findings: Set<string>;

  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'tessera-rules-'));
    for (const name of ['packages', 'services', '.dependency-cruiser.cjs', '.dependency-cruiser.tsconfig.json']) {
      const filter = (path: string) => !['node_modules', 'dist', 'test-vectors'].includes(basename(path));
      await cp(join(repository, name), join(copy, name), { recursive: true, filter });
    }
    await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
    for (const [file, imports] of Object.entries(violations)) {
      await appendFile(join(copy, file), imports.map((name) => `import '${name}';\n`).join(''));
    }
    const output = await cruise(copy);
    const lines = output.matchAll(/error (\S+): (\w+\/[\w-]+)\S+ → \S*?((?:packages|services|node_modules)\/[\w-]+)/g);
    findings = new Set(Array.from(lines, ([, rule, from, to]) => `${rule}: ${from} → ${to}`));
  });

  after(() => rm(copy, { recursive: true, force: true }));

  for (const from of ['services/gateway', 'packages/client', 'packages/composition']) {
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

  it('see that the worker reaches the gateway through other packages', () => {
    assert.ok(findings.has('worker-speaks-no-http: services/worker → services/gateway'));
  });
});

/** What dependency-cruiser prints when it fails, and nothing when it does not. */
async function cruise(directory: string): Promise<string> {
  const command = ['--config', '.dependency-cruiser.cjs', 'packages', 'services'];
  try {
    await promisify(execFile)(join(repository, 'node_modules/.bin/depcruise'), command, {
      cwd: directory,
      maxBuffer: 1 << 28,
    });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
